//! All that knows SQLite. A second database would stand beside this folder, behind the same
//! migrations.

pub mod archive;
pub mod back;
pub mod backup;
pub mod bulk;
pub mod check;
pub mod conditions;
pub mod connection;
pub mod ddl;
pub mod driver;
pub mod dump;
pub mod enforce;
pub mod flush;
pub mod foreign_key;
pub mod full_text;
pub mod history;
pub mod keys;
pub mod lists;
pub mod location;
pub mod normal;
pub mod orphans;
pub mod plan;
pub mod rebuild;
pub mod row_counts;
pub mod sample;
pub mod schema;
pub mod scratch;
pub mod script;
pub mod shell;
pub mod space;
pub mod steps;
pub mod survey;
pub mod timing;
pub mod value;
