//! Words that tell how rows of one table, or people, relate: parent, manager, author, created by.

use super::column::{Ending, Reading};
use super::table::{Column, Table};
use crate::words::{self, Word};

/// Tables whose rows are people who use the application, the likeliest first.
const PEOPLE: [&str; 9] = [
    "user", "person", "employee", "member", "staff", "account", "profile", "worker", "admin",
];

/// What people are to a row.
const ROLES: [&str; 156] = [
    "who",
    "whom",
    "setter",
    "referrer",
    "recommender",
    "granter",
    "grantee",
    "grantor",
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
    "male",
    "female",
    "husband",
    "wife",
    "mother",
    "father",
    "spouse",
    "partner",
    "winner",
    "loser",
    "opponent",
    "candidate",
    "witness",
    "judge",
    "captain",
    "president",
    "chair",
    "chairman",
    "secretary",
    "treasurer",
    "director",
    "principal",
    "advisor",
    "adviser",
    "consultant",
    "technician",
    "engineer",
    "nurse",
    "physician",
    "surgeon",
    "inspector",
    "auditor",
    "signer",
    "signatory",
    "proposer",
    "nominee",
    "beneficiary",
    "tenant",
    "landlord",
    "holder",
    "payer",
    "payee",
    "debtor",
    "creditor",
    "sponsor",
    "trainer",
    "trainee",
    "tutor",
    "speaker",
    "translator",
    "developer",
    "tester",
    "provider",
    "clinician",
    "handler",
    "officer",
    "delegate",
    "deputy",
    "assistant",
    "colleague",
    "person",
    "employee",
    "staff",
    "worker",
    "salesperson",
    "clerk",
    "cashier",
    "starter",
    "finisher",
    "updater",
    "deleter",
    "requestee",
    "cc",
    "watcher",
    "purchaser",
    "giver",
    "taker",
    "cosigner",
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

/// The word such as `manager` by which a reading tells another person, where a table holds people.
pub fn superior(reading: &Reading) -> Option<String> {
    let base = reading.base.as_slice();
    let is_superior = matches!(base, [word] if SUPERIORS.contains(&word.as_str()));
    (is_superior || base == ["reports", "to"]).then(|| base.join(" "))
}

/// The word such as `parent` by which a reading tells another row of the same table.
pub fn relative(reading: &Reading) -> Option<String> {
    const SMALL_WORDS: [&str; 6] = ["to", "of", "from", "by", "into", "in"];
    let base = reading.base.as_slice();
    let [first, rest @ ..] = base else {
        return None;
    };
    let is_small = |word: &Word| SMALL_WORDS.contains(&word.as_str());
    let is_relative = RELATIVES.contains(&first.as_str()) && rest.iter().all(is_small)
        || base == ["in", "reply", "to"];
    // `copy_of_id`, `moved_to_id`, `inherited_from_id`: of, to, from another such row.
    let is_made = first.ends_with("ed")
        && *first != "assigned"
        && matches!(rest, [word] if ["to", "from", "into"].contains(&word.as_str()));
    let is_id = matches!(reading.ending, Ending::Id(_));
    (is_relative || is_id && (rest == ["of"] || is_made)).then(|| base.join(" "))
}

/// Whether `author_id`, `created_by` or `assigned_to_id` tells a person.
pub fn person(reading: &Reading) -> bool {
    let Some((last, before)) = reading.base.split_last() else {
        return false;
    };
    let before = before.last().map(Word::as_str);
    let is_deed = match last.as_str() {
        "by" => {
            before.is_some_and(|before| !["order", "sort", "group", "divided"].contains(&before))
        }
        "to" => before == Some("assigned"),
        _ => false,
    };
    is_deed || ROLES.contains(&last.as_str())
}

/// Whether a name ends like a word for one who does something, or to whom it is done: `setter_id`.
pub fn agent(reading: &Reading) -> bool {
    const ENDINGS: [&str; 8] = ["er", "or", "ee", "ist", "ian", "ant", "man", "ed"];
    let ends = |word: &Word| word.len() > 4 && ENDINGS.iter().any(|it| word.ends_with(it));
    matches!(reading.ending, Ending::Id(_)) && reading.base.last().is_some_and(ends)
}

/// Words of which two stand beside each other in a table that links two rows of one.
const PAIRS: [[&str; 2]; 17] = [
    ["from", "to"],
    ["source", "target"],
    ["source", "destination"],
    ["source", "dest"],
    ["src", "dst"],
    ["subject", "object"],
    ["left", "right"],
    ["first", "second"],
    ["parent", "child"],
    ["ancestor", "descendant"],
    ["predecessor", "successor"],
    ["a", "b"],
    ["old", "new"],
    ["following", "followed"],
    ["follower", "following"],
    ["home", "away"],
    ["1", "2"],
];

/// Whether `column` stands beside one that differs from it by the other word of a pair.
pub fn is_one_of_two(child: &Table, column: &Column) -> bool {
    let mine = without_gaps(&column.name);
    child.columns.iter().any(|other| {
        let theirs = without_gaps(&other.name);
        mine.len() == theirs.len() && {
            let mut differ = mine.iter().zip(&theirs).filter(|(a, b)| a != b);
            let first = differ.next();
            differ.next().is_none()
                && first.is_some_and(|(a, b)| {
                    PAIRS
                        .iter()
                        .any(|[x, y]| a == x && b == y || a == y && b == x)
                })
        }
    })
}

/// The words of a name, with digits at its end as one of them: `entity0`.
fn without_gaps(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in words::split(name) {
        let text = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let digits = word.get(text.len()..).unwrap_or_default();
        found.extend(
            [text, digits]
                .iter()
                .filter(|it| !it.is_empty())
                .map(|it| (*it).to_owned()),
        );
    }
    found
}

/// How likely a table of this name holds the people: 0 is likeliest; none where it does not.
pub fn people_rank(words: &[Word]) -> Option<usize> {
    let last = words.last()?;
    let rank = PEOPLE.iter().position(|word| last.is(word))?;
    // `auth_user` is as good as `users`, `blocked_user_emails` is neither.
    (words.len() <= 2).then_some(2 * rank + words.len() - 1)
}

/// As [`people_rank`], by what people have: a password, a login, a first and a last name.
pub fn people_by_columns(table: &Table) -> Option<usize> {
    const THEIRS: [&str; 18] = [
        "password",
        "passwd",
        "passwordhash",
        "email",
        "emailaddress",
        "login",
        "username",
        "firstname",
        "lastname",
        "surname",
        "birthday",
        "birthdate",
        "dateofbirth",
        "gender",
        "sex",
        "realname",
        "middlename",
        "familyname",
    ];
    let is_theirs = |name: &str| {
        let name: String = words::split(name).iter().map(Word::as_str).collect();
        THEIRS.iter().any(|it| name.ends_with(it))
    };
    let theirs = table
        .columns
        .iter()
        .filter(|it| is_theirs(&it.name))
        .count();
    (theirs >= 2).then_some(2 * PEOPLE.len() + 20 - theirs.min(10))
}
