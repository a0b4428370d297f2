//! What a plan will take: room on the disk, and time.

pub mod space;
pub mod timing;
