//! Results that are used again.
