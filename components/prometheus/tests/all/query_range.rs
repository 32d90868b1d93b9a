//! `query_range`.

use super::*;

fn matrix(series: &[(&str, usize)]) -> Value {
    let result = series.iter().map(|(job, points)| {
        let values: Vec<Value> =
            (0..*points).map(|i| json!([NOW + i as u64 * 15, (i % 10).to_string()])).collect();
        json!({ "metric": { "job": job }, "values": values })
    });
    json!({ "resultType": "matrix", "result": result.collect::<Vec<_>>() })
}

#[test]
fn without_a_range_it_is_the_last_hour() {
    assert_eq!(
        answer(
            "query_range?query=up&start=1769857200&end=1769860800&step=120",
            &matrix(&[("a", 3)]),
            "query_range",
            json!({ "query": "up" })
        ),
        json!({
            "start": "2026-01-31T11:00:00Z", "end": "2026-01-31T12:00:00Z", "step": "2m", "total": 1, "shown": 1,
            "series": [{
                "labels": { "job": "a" },
                "stats": { "count": 3, "min": 0, "max": 2, "avg": 1,
                           "first": 0, "first_at": "2026-01-31T12:00:00Z", "last": 2, "last_at": "2026-01-31T12:00:30Z" },
                "points": [[NOW, 0], [NOW + 15, 1], [NOW + 30, 2]],
            }],
        })
    );
}

#[test]
fn a_relative_range_is_in_whole_seconds() {
    let rest = "query_range?query=up&start=1769860790&end=1769860800&step=1";
    let mock = answering(rest, &matrix(&[])).at(clock() + Duration::from_millis(903));
    call(&mock, "query_range", json!({ "query": "up", "start": "-10s" })).unwrap();
}

#[test]
fn every_argument_reaches_prometheus() {
    answer(
        "query_range?query=up&start=1769256000&end=1769859900&step=90",
        &matrix(&[]),
        "query_range",
        json!({ "query": "up", "start": "-7d", "end": "now-15m", "step": "1m30s" }),
    );
}

#[test]
fn a_given_step_is_kept_and_what_is_shown_is_bounded() {
    let rest = "query_range?query=up&start=1769857200&end=1769860800&step=1";
    let arguments = json!({ "query": "up", "step": 1, "max_points": 10 });
    let summary = answer(rest, &matrix(&[("a", 3601)]), "query_range", arguments);
    let series = &summary["series"][0];
    assert!(summary["downsampled"].as_str().unwrap().starts_with("min-max"));
    assert_eq!(series["points"].as_array().unwrap().len(), 10);
    assert_eq!([&series["stats"]["count"], &series["stats"]["min"], &series["stats"]["max"]], [3601, 0, 9]);

    let arguments = json!({ "query": "up", "step": 1, "max_points": 10, "view": "full" });
    let full = answer(rest, &matrix(&[("a", 3601)]), "query_range", arguments);
    assert_eq!(full["series"][0]["points"].as_array().unwrap().len(), 3601);
    assert_eq!(full.get("downsampled"), None);
}

#[test]
fn series_over_the_limit_are_left_out_with_a_note() {
    let names: Vec<String> = (0..25).map(|i| format!("j{i}")).collect();
    let series: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    let rest = "query_range?query=up&start=1769857200&end=1769860800&step=120";
    let answer = answer(rest, &matrix(&series), "query_range", json!({ "query": "up" }));
    assert_eq!([&answer["total"], &answer["shown"], &answer["left_out"]], [25, 20, 5]);
    assert_eq!(answer["note"], "series were left out: aggregate (sum by, topk), filter, or raise limit");
    assert_eq!(answer["series"].as_array().unwrap().len(), 20);
}

#[test]
fn a_full_view_stays_within_a_result() {
    let rest = "query_range?query=up&start=1769857200&end=1769860800&step=0.5";
    let data = matrix(&[("a", 7201), ("b", 7201), ("c", 7201)]);
    let answer = answer(rest, &data, "query_range", json!({ "query": "up", "step": 0.5, "view": "full" }));
    assert_eq!([&answer["total"], &answer["shown"], &answer["left_out"]], [3, 2, 1]);
    assert!(answer["note"].as_str().unwrap().contains("too many points"));
}

#[test]
fn a_step_too_fine_never_reaches_prometheus() {
    let mock = mock();
    let error =
        call(&mock, "query_range", json!({ "query": "up", "start": "-1d", "step": "1s" })).unwrap_err();
    assert_eq!(
        error,
        Error::invalid(
            "step",
            "would give 86401 points for each series and Prometheus allows 11000: use 10s or more, or leave it out"
        )
    );
    assert!(mock.requests().is_empty());
}

#[test]
fn an_empty_range_is_refused() {
    let error =
        call(&mock(), "query_range", json!({ "query": "up", "start": "now", "end": "-1h" })).unwrap_err();
    assert_eq!(error, Error::invalid("start", "is after `end`"));
}
