//! Dashboards, their versions, folders, and the search for both.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::world::{Board, Version, World, moment, png};
use crate::{done, missing, refused};

pub(crate) fn search(world: &World, request: &Request) -> Reply {
    let kind = request.param("type").unwrap_or_default();
    let mut hits: Vec<Value> = Vec::new();
    if kind != "dash-folder" {
        hits.extend(world.boards.iter().map(|(uid, board)| hit(world, uid, board)));
    }
    if kind != "dash-db" {
        hits.extend(world.folders.iter().map(|folder| folder_hit(world, folder)));
    }
    let words = request.param("query").unwrap_or_default().to_lowercase();
    let tags: Vec<&str> = request.params("tag").collect();
    let folders: Vec<&str> = request.params("folderUIDs").collect();
    hits.retain(|hit| {
        let folder = hit["folderUid"].as_str().unwrap_or("general");
        hit["title"].as_str().unwrap().to_lowercase().contains(&words)
            && tags.iter().all(|tag| hit["tags"].as_array().unwrap().iter().any(|one| one == tag))
            && (folders.is_empty() || folders.contains(&folder))
            && (request.param("starred") != Some("true") || hit["isStarred"] == true)
    });
    hits.sort_by_key(|hit| hit["title"].as_str().unwrap().to_owned());
    let number =
        |name: &str, default: usize| request.param(name).map_or(default, |text| text.parse().unwrap());
    let (limit, page) = (number("limit", 1000), number("page", 1));
    let some: Vec<Value> = hits.into_iter().skip(limit * (page - 1)).take(limit).collect();
    done(&some.into())
}

fn hit(world: &World, uid: &str, board: &Board) -> Value {
    let data = &board.versions.last().unwrap().data;
    let mut hit = json!({ "id": data["id"], "uid": uid, "title": data["title"], "uri": format!("db/{uid}"),
        "url": format!("/prefix/d/{uid}/{uid}"), "slug": "", "type": "dash-db", "tags": data["tags"],
        "isStarred": uid == "checkout", "sortMeta": 0 });
    if !board.folder.is_empty() {
        hit["folderUid"] = json!(board.folder);
        hit["folderTitle"] = json!(world.folder_title(&board.folder));
        hit["folderUrl"] = json!(format!("/prefix/dashboards/f/{}", board.folder));
    }
    hit
}

fn folder_hit(world: &World, folder: &Value) -> Value {
    let mut hit = json!({ "id": folder["id"], "uid": folder["uid"], "title": folder["title"], "uri": "", "slug": "",
        "url": folder["url"], "type": "dash-folder", "tags": [], "isStarred": false, "sortMeta": 0 });
    let parent = folder["parentUid"].as_str().unwrap_or_default();
    if !parent.is_empty() {
        hit["folderUid"] = json!(parent);
        hit["folderTitle"] = json!(world.folder_title(parent));
    }
    hit
}

pub(crate) fn dashboards(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    match (method, path) {
        ("GET", ["tags"]) => {
            let of = |name: &str| {
                let has = |board: &&Board| {
                    board.versions.last().unwrap().data["tags"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|tag| tag == name)
                };
                world.boards.values().filter(has).count()
            };
            let tags = ["linux", "shop", "slo"].map(|term| json!({ "term": term, "count": of(term) }));
            done(&json!(tags))
        }
        ("POST", ["db"]) => save(world, &request.json()),
        (_, ["uid", uid, rest @ ..]) if world.boards.contains_key(*uid) => match (method, rest) {
            ("GET", []) => done(&whole(world, uid)),
            ("GET", ["versions"]) => versions(&world.boards[*uid], request),
            ("GET", ["versions", version]) => one_version(&world.boards[*uid], version),
            ("POST", ["restore"]) => restore(world, uid, &request.json()),
            ("DELETE", []) => {
                let title = world.boards.remove(*uid).unwrap().versions.last().unwrap().data["title"].clone();
                let message = format!("Dashboard {} deleted", title.as_str().unwrap());
                done(&json!({ "id": 7, "title": title, "message": message }))
            }
            _ => missing("Not found"),
        },
        _ => missing("Dashboard not found"),
    }
}

fn whole(world: &World, uid: &str) -> Value {
    let board = &world.boards[uid];
    let (first, last) = (board.versions.first().unwrap(), board.versions.last().unwrap());
    json!({ "dashboard": last.data, "meta": {
        "type": "db", "canSave": true, "canEdit": true, "canAdmin": true, "canStar": true, "canDelete": true,
        "slug": uid, "url": format!("/prefix/d/{uid}/{uid}"), "expires": "0001-01-01T00:00:00Z",
        "created": moment(first.at), "createdBy": first.by, "updated": moment(last.at), "updatedBy": last.by,
        "version": board.versions.len(), "hasAcl": false, "isFolder": false, "folderId": 0,
        "folderUid": board.folder, "folderTitle": world.folder_title(&board.folder), "folderUrl": "",
        "provisioned": false, "provisionedExternalId": "",
    }})
}

fn version_line(board: &Board, number: usize) -> Value {
    let version = &board.versions[number - 1];
    json!({ "id": number, "dashboardId": 7, "uid": version.data["uid"], "parentVersion": number - 1, "restoredFrom": 0,
        "version": number, "created": moment(version.at), "createdBy": version.by, "message": version.message })
}

fn versions(board: &Board, request: &Request) -> Reply {
    let number =
        |name: &str, default: usize| request.param(name).map_or(default, |text| text.parse().unwrap());
    let all = (1..=board.versions.len()).rev().map(|number| version_line(board, number));
    let some: Vec<Value> = all.skip(number("start", 0)).take(number("limit", 1000)).collect();
    done(&some.into())
}

fn one_version(board: &Board, version: &str) -> Reply {
    match version.parse::<usize>() {
        Ok(number) if (1..=board.versions.len()).contains(&number) => {
            let mut out = version_line(board, number);
            out["data"] = board.versions[number - 1].data.clone();
            done(&out)
        }
        _ => missing("Dashboard version not found"),
    }
}

fn restore(world: &mut World, uid: &str, body: &Value) -> Reply {
    let number = usize::try_from(body["version"].as_u64().unwrap()).unwrap();
    let now = world.now;
    let board = world.boards.get_mut(uid).unwrap();
    if number == 0 || number > board.versions.len() {
        return missing("Dashboard version not found");
    }
    let data = board.versions[number - 1].data.clone();
    push(board, now, &format!("Restored from version {number}"), data);
    told(uid, board)
}

fn push(board: &mut Board, at: f64, message: &str, mut data: Value) {
    data["version"] = json!(board.versions.len() + 1);
    board.versions.push(Version { at, by: "agent", message: message.to_owned(), data });
}

fn told(uid: &str, board: &Board) -> Reply {
    done(
        &json!({ "id": 7, "uid": uid, "url": format!("/prefix/d/{uid}/{uid}"), "status": "success", "slug": uid,
        "version": board.versions.len(), "title": board.versions.last().unwrap().data["title"],
        "folderUid": board.folder }),
    )
}

fn save(world: &mut World, body: &Value) -> Reply {
    let mut data = body["dashboard"].clone();
    let title = data["title"].as_str().unwrap_or_default().to_owned();
    if title.is_empty() {
        return refused(400, "Dashboard title cannot be empty");
    }
    let overwrite = body["overwrite"] == true;
    let folder = body["folderUid"].as_str().unwrap_or_default().to_owned();
    if !folder.is_empty() && !world.folders.iter().any(|known| known["uid"] == folder) {
        return refused(400, "folder not found");
    }
    let conflict =
        |status: &str, message: &str| Reply::json(412, &json!({ "status": status, "message": message }));
    let uid = match data["uid"].as_str().filter(|uid| !uid.is_empty()) {
        Some(uid) => uid.to_owned(),
        None => format!("new{}", world.number()),
    };
    data["uid"] = json!(uid);
    let now = world.now;
    let message = body["message"].as_str().unwrap_or_default();
    if let Some(board) = world.boards.get_mut(&uid) {
        let current = board.versions.len() as u64;
        if !overwrite && data["version"].as_u64().unwrap_or_default() != current {
            return conflict("version-mismatch", "The dashboard has been changed by someone else");
        }
        // As the server: without a folder it goes to the root.
        board.folder = folder;
        push(board, now, message, data);
    } else {
        let same =
            |board: &&Board| board.folder == folder && board.versions.last().unwrap().data["title"] == title;
        if !overwrite && world.boards.values().any(|board| same(&board)) {
            return conflict("name-exists", "A dashboard with the same name in the folder already exists");
        }
        data["id"] = json!(world.number());
        let mut board = Board { folder, versions: Vec::new() };
        push(&mut board, now, message, data);
        world.boards.insert(uid.clone(), board);
    }
    told(&uid, &world.boards[&uid])
}

pub(crate) fn folders(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    let body = request.json();
    if (method, path) == ("POST", &[]) {
        let number = world.number();
        let uid = body["uid"].as_str().map_or(format!("f{number}"), str::to_owned);
        if world.folders.iter().any(|known| known["uid"] == uid) {
            return refused(409, "A folder with that uid already exists");
        }
        let folder = json!({ "id": number, "uid": uid, "orgId": 1, "title": body["title"], "version": 1,
            "parentUid": body["parentUid"].as_str().unwrap_or_default(), "url": format!("/prefix/dashboards/f/{uid}/{uid}") });
        world.folders.push(folder.clone());
        return done(&folder);
    }
    let Some(place) =
        path.first().and_then(|uid| world.folders.iter().position(|known| known["uid"] == *uid))
    else {
        return missing("folder not found");
    };
    let uid = path[0];
    match (method, &path[1..]) {
        ("GET", []) => done(&world.folders[place]),
        ("GET", ["counts"]) => {
            let boards = world.boards.values().filter(|board| board.folder == uid).count();
            let rules = world.rules.iter().filter(|rule| rule["folderUID"] == uid).count();
            done(&json!({ "dashboard": boards, "alertrule": rules, "folder": 0 }))
        }
        ("GET", ["permissions"]) => done(&json!([
            { "role": "Viewer", "permission": 1, "permissionName": "View", "inherited": false, "uid": uid },
            { "userLogin": "ana", "permission": 4, "permissionName": "Admin", "inherited": true, "uid": uid },
        ])),
        ("PUT", []) => {
            let folder = &mut world.folders[place];
            if body["overwrite"] != true && body["version"] != folder["version"] {
                return refused(412, "the folder has been changed by someone else");
            }
            folder["title"] = body["title"].clone();
            folder["version"] = json!(folder["version"].as_u64().unwrap() + 1);
            done(folder)
        }
        ("POST", ["move"]) => {
            world.folders[place]["parentUid"] = body["parentUid"].clone();
            done(&world.folders[place])
        }
        ("DELETE", []) => {
            let rules = world.rules.iter().any(|rule| rule["folderUID"] == uid);
            if rules && request.param("forceDeleteRules") != Some("true") {
                return refused(
                    400,
                    "folder cannot be deleted: folder is not empty: folder contains alert rules",
                );
            }
            world.rules.retain(|rule| rule["folderUID"] != uid);
            world.boards.retain(|_, board| board.folder != uid);
            let folder = world.folders.remove(place);
            done(&json!({ "id": folder["id"], "title": folder["title"], "message": "Folder deleted" }))
        }
        _ => missing("Not found"),
    }
}

pub(crate) fn render(world: &World, request: &Request, uid: &str) -> Reply {
    let known = world.boards.contains_key(uid) && request.param("panelId").is_some();
    if known { Reply::new(200, "image/png", png()) } else { missing("Dashboard not found") }
}
