//! Owns waiting for several futures at once, which is how several requests are in flight at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// A future and, once it is done, what came of it.
type Running<F, T> = (Pin<Box<F>>, Option<T>);

fn start<F, T>(futures: impl IntoIterator<Item = F>) -> Vec<Running<F, T>> {
    futures.into_iter().map(|future| (Box::pin(future), None)).collect()
}

/// Runs all of them at once and gives their outputs in the order of the futures.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running = start::<F, F::Output>(futures);
    poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

/// Runs all of them at once; the first error ends the rest.
///
/// # Errors
/// The first error of any of them.
pub async fn try_join_all<F, T, E>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut running = start::<F, T>(futures);
    poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(Ok(value)) => *output = Some(value),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await?;
    Ok(running.into_iter().filter_map(|(_, output)| output).collect())
}

#[doc(hidden)]
pub async fn join2<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|context| {
        if left.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            left = Some(value);
        }
        if right.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            right = Some(value);
        }
        match (left.take(), right.take()) {
            (Some(left), Some(right)) => Poll::Ready((left, right)),
            (some, other) => {
                (left, right) = (some, other);
                Poll::Pending
            }
        }
    })
    .await
}

#[doc(hidden)]
pub async fn try_join2<A, B, T, U, E>(a: A, b: B) -> Result<(T, U), E>
where
    A: Future<Output = Result<T, E>>,
    B: Future<Output = Result<U, E>>,
{
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|context| {
        if left.is_none() {
            match a.as_mut().poll(context) {
                Poll::Ready(Ok(value)) => left = Some(value),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if right.is_none() {
            match b.as_mut().poll(context) {
                Poll::Ready(Ok(value)) => right = Some(value),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        match (left.take(), right.take()) {
            (Some(left), Some(right)) => Poll::Ready(Ok((left, right))),
            (some, other) => {
                (left, right) = (some, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs two to five futures of different types at once: `let (a, b) = join!(x, y);`.
#[macro_export]
macro_rules! join {
    ($a:expr, $b:expr $(,)?) => {
        $crate::join::join2($a, $b).await
    };
    ($a:expr, $b:expr, $c:expr $(,)?) => {{
        let (a, (b, c)) = $crate::join::join2($a, $crate::join::join2($b, $c)).await;
        (a, b, c)
    }};
    ($a:expr, $b:expr, $c:expr, $d:expr $(,)?) => {{
        let ((a, b), (c, d)) =
            $crate::join::join2($crate::join::join2($a, $b), $crate::join::join2($c, $d)).await;
        (a, b, c, d)
    }};
    ($a:expr, $b:expr, $c:expr, $d:expr, $e:expr $(,)?) => {{
        let (a, ((b, c), (d, e))) = $crate::join::join2(
            $a,
            $crate::join::join2($crate::join::join2($b, $c), $crate::join::join2($d, $e)),
        )
        .await;
        (a, b, c, d, e)
    }};
}

/// Like [`join!`] for futures of results: a `Result` of the tuple; the first error ends the rest.
#[macro_export]
macro_rules! try_join {
    ($a:expr, $b:expr $(,)?) => {
        $crate::join::try_join2($a, $b).await
    };
    ($a:expr, $b:expr, $c:expr $(,)?) => {
        $crate::join::try_join2($a, $crate::join::try_join2($b, $c)).await.map(|(a, (b, c))| (a, b, c))
    };
    ($a:expr, $b:expr, $c:expr, $d:expr $(,)?) => {
        $crate::join::try_join2($crate::join::try_join2($a, $b), $crate::join::try_join2($c, $d))
            .await
            .map(|((a, b), (c, d))| (a, b, c, d))
    };
    ($a:expr, $b:expr, $c:expr, $d:expr, $e:expr $(,)?) => {
        $crate::join::try_join2(
            $a,
            $crate::join::try_join2($crate::join::try_join2($b, $c), $crate::join::try_join2($d, $e)),
        )
        .await
        .map(|(a, ((b, c), (d, e)))| (a, b, c, d, e))
    };
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;
    use crate::clock::{block_on, sleep};

    #[test]
    fn outputs_keep_the_order_of_the_futures_not_of_their_ends() {
        let ended = RefCell::new(Vec::new());
        let outputs = block_on(join_all([0_u64, 2, 1].map(|turns| {
            let ended = &ended;
            async move {
                for _ in 0..turns {
                    sleep(Duration::from_millis(1)).await;
                }
                ended.borrow_mut().push(turns);
                turns * 10
            }
        })));
        assert_eq!(outputs, [0, 20, 10]);
        assert_eq!(*ended.borrow(), [0, 1, 2]);
    }

    #[test]
    fn the_first_error_ends_the_rest() {
        let result = block_on(try_join_all([Ok(1), Err("no"), Ok(3)].map(|value| async move { value })));
        assert_eq!(result, Err("no"));
        let result = block_on(async { try_join!(async { Ok(1) }, async { Err::<u8, _>("no") }) });
        assert_eq!(result, Err::<(i32, u8), _>("no"));
    }

    #[test]
    fn different_types_join() {
        let five = block_on(async {
            join!(async { 1 }, async { "b" }, async { 'c' }, async { 4.0 }, sleep(Duration::from_secs(9)))
        });
        assert_eq!(five, (1, "b", 'c', 4.0, ()));
        assert_eq!(
            block_on(async { try_join!(async { Ok::<_, ()>(1) }, async { Ok("b") }, async { Ok('c') }) }),
            Ok((1, "b", 'c'))
        );
    }
}
