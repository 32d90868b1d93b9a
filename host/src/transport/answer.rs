//! What a client sends to its session that is not answered itself: notifications, and answers to what it was asked.

use rmcp::model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId};

use super::{
    call::Sent,
    message::{INVALID_REQUEST, Malformed},
    session::Session,
};

/// Takes such a message.
///
/// # Errors
/// When it answers nothing that was asked.
pub(super) fn take(session: &Session, mut message: ClientJsonRpcMessage) -> Result<(), Malformed> {
    let id = match &mut message {
        JsonRpcMessage::Notification(notification) => {
            if let ClientNotification::CancelledNotification(cancelled) = &notification.notification {
                session.cancel(&cancelled.params);
            }
            return Ok(());
        }
        JsonRpcMessage::Response(response) => Some(response.id.clone()),
        JsonRpcMessage::Error(error) => error.id.clone(),
        JsonRpcMessage::Request(_) => return Ok(()),
    };
    let number = match &id {
        Some(RequestId::Number(number)) => u64::try_from(*number).ok(),
        // Some clients make text of any id.
        Some(RequestId::String(text)) => text.parse().ok(),
        None => None,
    };
    let Some((call, asked)) = number.and_then(|number| session.answer(number)) else {
        let why = "nothing was asked under this id, or it is not asked any more";
        let id = id.and_then(|id| serde_json::to_value(id).ok()).unwrap_or_default();
        return Err(Malformed::new(INVALID_REQUEST, why).of(id));
    };
    match &mut message {
        JsonRpcMessage::Response(response) => response.id = asked,
        JsonRpcMessage::Error(error) => error.id = Some(asked),
        JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => {}
    }
    // A call that does not listen any more has ended, and the answer is not needed.
    let _ = call.inbox.send(Sent::Message(message.into()));
    Ok(())
}
