//! A new file in `migrations/` must rebuild the crate that embeds the folder:
//! Cargo does not see that `embed_migrations!` and `include_str!` read it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
