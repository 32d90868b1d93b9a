//! Calls that outlive their request. A call of a client that knows tasks begins like any other; if it takes long, or
//! its tool says that it will, the client gets a handle instead of the result, and the call goes on beside the request.
//!
//! What the guest asks before that is asked as ever; what it asks afterwards waits for `tasks/update`.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use futures::future::BoxFuture;
use rmcp::model::{CallToolResponse, ErrorData, GetTaskResult};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Client, Handler,
    conversation::{Attempt, Next, reporting},
    wire,
};
use crate::{
    ask::Answers,
    auth::Who,
    error::CallError,
    limit::peers::{Full, Seat},
    operation::{Operation, Outcome},
    request::{CallId, CallRequest, Credentials, Events},
    tasks::{Repeat, Task},
};

/// A call under way, which needs nothing of its request any more.
struct Calling {
    id: CallId,
    result: BoxFuture<'static, Result<Outcome, CallError>>,
}

/// What came first: the end of a call, or of the patience of who waits for it.
enum Waited {
    Ended(Result<Outcome, CallError>),
    Enough(Seat<Who>),
}

impl Handler {
    /// Calls a tool for a client that knows tasks.
    pub(super) async fn call_or_begin(
        &self,
        attempt: Attempt,
        client: &Client,
    ) -> Result<CallToolResponse, ErrorData> {
        let Attempt { operation, mut answers, mut early } = attempt;
        let tasks = self.host.tasks();
        let (until, stop) = (Instant::now() + tasks.after(), tasks.stopper());
        let always = self.is_always_one(&operation);
        let (accepts, traceparent) = (client.accepts, client.traceparent.clone());
        let (via, scope) = (client.via(), self.scope.clone());
        let repeat = Repeat { scope, operation, accepts, traceparent, via };
        loop {
            let (events, received) = self.events(client);
            let mut call = self.calling(repeat.clone(), answers.take(), events, stop.clone());
            let seat = if always { self.seat() } else { None };
            let waited = match seat {
                Some(seat) => Waited::Enough(seat),
                None => {
                    let reported = reporting(&mut call.result, received, client);
                    self.wait(reported, (!always).then_some(until), &stop, client).await
                }
            };
            let result = match waited {
                Waited::Ended(result) => result,
                Waited::Enough(seat) => return self.begin(seat, stop, repeat, call, early),
            };
            let result = match result {
                Ok(Outcome::Asked(inquiry)) => self.asked(inquiry, std::mem::take(&mut early), client).await,
                result => return wire::called(result, call.id, true),
            };
            match result {
                Ok(Next::Again(given)) => answers = Some(given),
                Ok(Next::Return(inquiry)) => return wire::called(Ok(Outcome::Asked(inquiry)), call.id, true),
                Err(error) => return wire::called(Err(error), call.id, true),
            }
        }
    }

    /// Waits for a call until it has ended, or for long enough, if there is room for one more task then.
    async fn wait(
        &self,
        call: impl Future<Output = Result<Outcome, CallError>>,
        mut until: Option<Instant>,
        stop: &CancellationToken,
        client: &Client,
    ) -> Waited {
        let mut call = pin!(call);
        let enough = async |until: Option<Instant>| match until {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        };
        loop {
            tokio::select! {
                result = &mut call => return Waited::Ended(result),
                () = client.gone.cancelled(), if !stop.is_cancelled() => stop.cancel(),
                () = enough(until) => match self.seat() {
                    Some(seat) => return Waited::Enough(seat),
                    None => until = None,
                }
            }
        }
    }

    /// A call becomes a task: it goes on beside its request, which is answered with the handle.
    fn begin(
        &self,
        seat: Seat<Who>,
        stop: CancellationToken,
        repeat: Repeat,
        call: Calling,
        early: BTreeMap<String, Value>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tasks = self.host.tasks();
        let (handle, task) = match tasks.begin(&self.host.sealer(), &self.caller, seat, stop, repeat) {
            Ok(begun) => begun,
            Err(error) => return wire::called(Err(error), call.id, true),
        };
        let answer = wire::begun(handle, &task);
        tasks.run(self.clone().go_on(task, call, early));
        Ok(answer)
    }

    /// `tasks/get`.
    pub(super) fn task_now(&self, handle: String) -> Result<GetTaskResult, ErrorData> {
        let task = self.task(&handle)?;
        wire::asked(handle, &task)
    }

    /// `tasks/update`: once all is answered, the guest is called again, with the rights its caller has now.
    pub(super) fn answer_task(
        &self,
        handle: &str,
        responses: BTreeMap<String, Value>,
    ) -> Result<(), ErrorData> {
        let task = self.task(handle)?;
        let taken = task.answer(responses);
        let taken = taken.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        let Some((repeat, answers)) = taken else { return Ok(()) };
        let call = self.calling(repeat, Some(answers), Events::none(), task.stop.clone());
        self.host.tasks().run(self.clone().go_on(task, call, BTreeMap::new()));
        Ok(())
    }

    /// `tasks/cancel`. Of a task that has ended nothing is left to cancel.
    pub(super) fn cancel_task_of(&self, handle: &str) -> Result<(), ErrorData> {
        self.task(handle)?.cancel();
        Ok(())
    }

    fn task(&self, handle: &str) -> Result<Arc<Task>, ErrorData> {
        self.host.tasks().find(&self.host.sealer(), &self.caller, handle).ok_or_else(wire::unknown_task)
    }

    /// Whether a tool says that its calls are tasks from the start.
    fn is_always_one(&self, operation: &Operation) -> bool {
        let Operation::CallTool { name, .. } = operation else { return false };
        let tool = self.host.catalog().tool(&self.caller, &self.scope, name);
        tool.is_some_and(|tool| tool.task.is_some())
    }

    /// Room for one more task. Without any the call is answered when it ends, like every other.
    fn seat(&self) -> Option<Seat<Who>> {
        let full = match self.host.tasks().seat(&self.caller) {
            Ok(seat) => return Some(seat),
            Err(full) => full,
        };
        let (limit, scope) = match full {
            Full::All => ("tasks", "host"),
            Full::One => ("tasks_per_caller", "caller"),
        };
        self.host.metrics().limit_hit(limit, scope);
        let (caller, tenant) = (&*self.caller.id, &*self.caller.tenant);
        tracing::info!(
            caller,
            tenant,
            limit,
            "a call does not become a task: there are as many as there may be"
        );
        None
    }

    /// A call that needs nothing but the host.
    fn calling(
        &self,
        repeat: Repeat,
        answers: Option<Answers>,
        events: Events,
        cancelled: CancellationToken,
    ) -> Calling {
        let id = CallId::new();
        let Repeat { scope, operation, accepts, traceparent, via } = repeat;
        let credentials = Credentials::Established(self.caller.clone());
        let request = CallRequest {
            id,
            credentials,
            scope,
            operation,
            answers,
            accepts,
            traceparent,
            via,
            events,
            cancelled,
        };
        Calling { id, result: self.host.clone().calling(request) }
    }

    /// Waits for a task's call, and notes what becomes of it.
    async fn go_on(self, task: Arc<Task>, call: Calling, mut early: BTreeMap<String, Value>) {
        let mut unfinished = Unfinished(Some(task.clone()));
        let mut call = call;
        loop {
            let inquiry = match call.result.await {
                Ok(Outcome::Asked(inquiry)) => inquiry,
                result => {
                    unfinished.0 = None;
                    return task.end(call.id, result);
                }
            };
            // What cannot be told to the client ends the call, and not each look at it.
            let sound = inquiry.questions.iter().try_for_each(|one| wire::question(one).map(drop));
            let answered = inquiry.questions.iter().all(|one| early.contains_key(&one.key));
            let repeat = task.repeat().filter(|_| answered && sound.is_ok());
            if let Some(repeat) = repeat {
                let answers = Answers { state: inquiry.state, responses: std::mem::take(&mut early) };
                call = self.calling(repeat, Some(answers), Events::none(), task.stop.clone());
                continue;
            }
            unfinished.0 = None;
            return match sound {
                Ok(()) => task.ask(call.id, inquiry),
                Err(error) => task.end(call.id, Err(error)),
            };
        }
    }
}

/// A task whose call nobody waits for any more has ended, whatever happened to who waited.
struct Unfinished(Option<Arc<Task>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.end(CallId::new(), Err(CallError::Cancelled));
        }
    }
}
