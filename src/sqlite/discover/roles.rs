//! Words that tell how rows of one table, or people, relate: parent, manager, author, created by.

use super::catalog::{Catalog, Subject};
use super::column::{Ending, Reading};
use super::names::{How, role_before};
use crate::words::Word;

/// Tables whose rows are people who use the application, the likeliest first.
const PEOPLE: [&str; 9] = [
    "user", "person", "employee", "member", "staff", "account", "profile", "worker", "admin",
];

/// What people are to a row.
const ROLES: [&str; 70] = [
    "author",
    "owner",
    "creator",
    "editor",
    "sender",
    "recipient",
    "receiver",
    "assignee",
    "assigner",
    "reporter",
    "reviewer",
    "approver",
    "moderator",
    "manager",
    "supervisor",
    "actor",
    "requester",
    "requestor",
    "inviter",
    "invitee",
    "follower",
    "following",
    "followed",
    "followee",
    "uploader",
    "submitter",
    "member",
    "buyer",
    "seller",
    "host",
    "guest",
    "agent",
    "lead",
    "leader",
    "instructor",
    "teacher",
    "student",
    "coach",
    "mentor",
    "driver",
    "friend",
    "blocker",
    "blocked",
    "assigned",
    "operator",
    "user",
    "customer",
    "contact",
    "poster",
    "voter",
    "commenter",
    "participant",
    "organizer",
    "administrator",
    "admin",
    "maintainer",
    "subscriber",
    "responsible",
    "head",
    "boss",
    "patient",
    "doctor",
    "merger",
    "closer",
    "resolver",
    "rater",
    "rep",
    "representative",
    "publisher",
    "modifier",
];

/// What one person is to another of the same table.
const SUPERIORS: [&str; 8] = [
    "manager",
    "supervisor",
    "boss",
    "lead",
    "leader",
    "superior",
    "head",
    "mentor",
];

/// What a row is to another of the same table.
const RELATIVES: [&str; 20] = [
    "parent",
    "ancestor",
    "root",
    "previous",
    "prev",
    "next",
    "predecessor",
    "successor",
    "original",
    "duplicate",
    "reply",
    "replied",
    "quoted",
    "superseded",
    "replaces",
    "replaced",
    "copied",
    "forked",
    "merged",
    "related",
];

/// A word such as parent, the table's own name behind a word, or what one person is to another.
pub fn to_itself(
    catalog: &Catalog,
    subject: &Subject,
    reading: &Reading,
) -> Option<(How, i32, String)> {
    const SMALL_WORDS: [&str; 6] = ["to", "of", "from", "by", "into", "in"];
    let base = reading.base.as_slice();
    let [first, rest @ ..] = base else {
        return None;
    };
    let told = |weight: i32, what: &str| {
        Some((
            How::ByRole,
            weight,
            format!("tells the {what} row of the same table"),
        ))
    };
    if let Some(role) = role_before(base, &subject.words) {
        return told(
            if reading.ending == Ending::None {
                64
            } else {
                82
            },
            &role,
        );
    }
    let what = base.join(" ");
    let is_superior = SUPERIORS.contains(&first.as_str()) && rest.is_empty();
    if subject.people_rank.is_some() && (is_superior || base == ["reports", "to"]) {
        return told(79, &what);
    }
    let is_small = |word: &Word| SMALL_WORDS.contains(&word.as_str());
    let is_relative = RELATIVES.contains(&first.as_str()) && rest.iter().all(is_small)
        || base == ["in", "reply", "to"];
    let is_id = matches!(reading.ending, Ending::Id(_));
    if is_relative {
        return told(if is_id { 82 } else { 70 }, &what);
    }
    // `copy_of_id`, `moved_to_id`, `inherited_from_id`: of, to, from another such row.
    let is_made = first.ends_with("ed")
        && matches!(rest, [word] if ["to", "from", "into"].contains(&word.as_str()));
    if is_id && (rest == ["of"] || is_made && first != "assigned") {
        return told(74, &what);
    }
    // A user that another user invited.
    let is_deed = base.iter().any(|word| word == "by" || word == "to");
    person(catalog, reading, subject).filter(|_| is_deed)
}

/// `author_id`, `created_by` or `assigned_to_id`, where `parent` holds the people.
pub fn person(
    catalog: &Catalog,
    reading: &Reading,
    parent: &Subject,
) -> Option<(How, i32, String)> {
    let rank = parent.people_rank?;
    let (last, before) = reading.base.split_last()?;
    let before = before.last().map(Word::as_str);
    let is_deed = match last.as_str() {
        "by" => before.is_some_and(|before| before.ends_with("ed")),
        "to" => before == Some("assigned"),
        _ => false,
    };
    let is_role = ROLES.contains(&last.as_str()) && matches!(reading.ending, Ending::Id(_));
    ((is_deed || is_role) && catalog.best_people_rank == Some(rank)).then(|| {
        let evidence = format!("tells a person, and {} holds people", parent.table.name);
        (How::ByRole, 74, evidence)
    })
}

/// How likely a table of this name holds the people: 0 is likeliest; none where it does not.
pub fn people_rank(words: &[Word]) -> Option<usize> {
    let last = words.last()?;
    let rank = PEOPLE.iter().position(|word| last.is(word))?;
    // `auth_user` is as good as `users`, `blocked_user_emails` is neither.
    (words.len() <= 2).then_some(2 * rank + words.len() - 1)
}
