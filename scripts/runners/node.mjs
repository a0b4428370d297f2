// Runs the scripts of fkfix through the runners of npm.
// usage: node node.mjs FOLDER, which holds before.db and the scripts; each runner leaves
// out/<runner>.up.db, out/<runner>.back.db, or out/<runner>.same.db where nothing may change.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createClient } from '@libsql/client';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { migrate as migrateLibsql } from 'drizzle-orm/libsql/migrator';
import knex from 'knex';
import { Miniflare } from 'miniflare';

const folder = path.resolve(process.argv[2]);
const packages = path.join(process.cwd(), 'node_modules', '.bin');
const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
const file = (name) => path.join(folder, 'out', name);
// A statement ends a line, and the title of the next one begins another.
const statements = (text) => text.split(/;\n(?=--|\n|$)/).filter((it) => it.trim() && !/^(\s*--.*)*\s*$/.test(it));

function place(name) {
  fs.copyFileSync(path.join(folder, 'before.db'), file(name));
  return file(name);
}

async function fails(run) {
  try {
    await run();
  } catch {
    return;
  }
  throw new Error('it should have failed');
}

async function d1() {
  const seed = statements(read('app.sql'));
  for (const [name, scripts] of [['d1-batch.up', ['d1.up.sql']], ['d1-batch.back', ['d1.up.sql', 'd1.down.sql']]]) {
    const persist = path.join(folder, name);
    const miniflare = new Miniflare({
      modules: true, script: 'export default { fetch() { return new Response("") } }',
      d1Databases: { DB: 'app' }, d1Persist: persist,
    });
    const db = await miniflare.getD1Database('DB');
    await db.batch(seed.map((it) => db.prepare(it)));
    // Each statement for itself, as a console has it: the guard says no.
    await fails(async () => {
      for (const it of statements(read('d1.up.sql'))) await db.prepare(it).run();
    });
    // A batch that fails at its end leaves all as it was, and so the next one works.
    await fails(() => db.batch([...statements(read('d1.up.sql')), 'SELECT no_such_column'].map((it) => db.prepare(it))));
    for (const script of scripts) await db.batch(statements(read(script)).map((it) => db.prepare(it)));
    await miniflare.dispose();
    collect(persist, `${name}.db`);
  }
}

/** Takes the one database out of what workerd keeps. */
function collect(persist, name) {
  const found = fs.readdirSync(persist, { recursive: true }).filter((it) => it.endsWith('.sqlite') && !it.includes('metadata'));
  if (found.length !== 1) throw new Error(`${found.length} databases`);
  const db = new Database(path.join(persist, found[0]));
  fs.rmSync(file(name), { force: true });
  db.exec(`VACUUM INTO '${file(name)}'`);
  db.close();
}

function wrangler() {
  const project = path.join(folder, 'wrangler');
  const migrations = path.join(project, 'migrations');
  fs.mkdirSync(migrations, { recursive: true });
  fs.writeFileSync(path.join(project, 'wrangler.toml'), 'name = "app"\ncompatibility_date = "2025-01-01"\n[[d1_databases]]\nbinding = "DB"\ndatabase_name = "app"\ndatabase_id = "app"\n');
  const run = (...words) => execFileSync(path.join(packages, 'wrangler'), words, {
    cwd: project, stdio: 'pipe', env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' },
  });
  fs.writeFileSync(path.join(migrations, '0001_app.sql'), read('app.sql'));
  // wrangler takes comments out, so that the table there is another than that of before.db: the
  // script for that one stops, and the one for this is written from the file that wrangler has made.
  const apply = (name) => {
    run('d1', 'migrations', 'apply', 'app', '--local');
    collect(path.join(project, '.wrangler/state/v3/d1'), name);
    return file(name);
  };
  const write = (verb, database, ...more) => execFileSync(process.env.FKFIX, [
    '--quiet', verb, '-d', database, ...more, '--migrations', process.env.FKFIX_MIGRATIONS, '--dry-run', '--format', 'sql', '--for', 'd1',
  ]);
  const seeded = apply('wrangler.same.db');
  fs.writeFileSync(path.join(migrations, '0002_keys.sql'), read('d1.up.sql'));
  let stopped = false;
  try {
    apply('wrangler.same.db');
  } catch (error) {
    stopped = String(error.stderr).includes('a promise does not hold');
  }
  if (!stopped) throw new Error('a script for another table did not stop');
  fs.writeFileSync(path.join(migrations, '0002_keys.sql'), write('up', seeded, '--orphans', process.env.FKFIX_ORPHANS));
  apply('wrangler.up.db');
  fs.writeFileSync(path.join(migrations, '0003_back.sql'), write('down', file('wrangler.up.db')));
  apply('wrangler.back.db');
}

async function libsql() {
  const scripts = { up: ['libsql.up.sql'], back: ['libsql.up.sql', 'libsql.down.sql'] };
  for (const [way, files] of Object.entries(scripts)) {
    const client = createClient({ url: `file:${place(`libsql.${way}.db`)}` });
    for (const it of files) await client.batch(statements(read(it)), 'write');
    client.close();
    const other = createClient({ url: `file:${place(`libsql-transaction.${way}.db`)}` });
    for (const it of files) {
      const transaction = await other.transaction('write');
      await transaction.executeMultiple(read(it));
      await transaction.commit();
    }
    other.close();
  }
  const client = createClient({ url: `file:${place('libsql.same.db')}` });
  await fails(() => client.executeMultiple(read('libsql.up.sql')));
  client.close();
}

function dbmate() {
  const migrations = path.join(folder, 'dbmate');
  fs.mkdirSync(migrations);
  fs.writeFileSync(path.join(migrations, '1_keys.sql'), read('dbmate.sql'));
  for (const [name, options] of [['dbmate', ''], ['dbmate-enforcing', '?_fk=1']]) {
    const run = (at, word) => execFileSync(path.join(packages, 'dbmate'), [
      '--url', `sqlite:${at}${options}`, '--migrations-dir', migrations, '--no-dump-schema', word,
    ], { stdio: 'pipe' });
    const at = place(`${name}.up.db`);
    run(at, 'up');
    fs.copyFileSync(at, file(`${name}.back.db`));
    run(file(`${name}.back.db`), 'rollback');
  }
}

async function drizzleKit() {
  for (const [way, files] of [['up', ['drizzle.up.sql']], ['back', ['drizzle.up.sql', 'drizzle.down.sql']]]) {
    const migrationsFolder = path.join(folder, `drizzle.${way}`);
    fs.mkdirSync(path.join(migrationsFolder, 'meta'), { recursive: true });
    const entries = files.map((it, idx) => ({ idx, version: '6', when: 1700000000000 + idx, tag: it.replace('.sql', ''), breakpoints: true }));
    fs.writeFileSync(path.join(migrationsFolder, 'meta/_journal.json'), JSON.stringify({ version: '7', dialect: 'sqlite', entries }));
    for (const it of files) fs.writeFileSync(path.join(migrationsFolder, it), read(it));
    const db = new Database(place(`drizzle.${way}.db`));
    if (db.pragma('foreign_keys', { simple: true }) !== 1) throw new Error('foreign keys are off');
    migrate(drizzle(db), { migrationsFolder });
    db.close();
    const client = createClient({ url: `file:${place(`drizzle-libsql.${way}.db`)}` });
    await migrateLibsql(drizzleLibsql(client), { migrationsFolder });
    client.close();
  }
}

async function knexjs() {
  for (const [way, files] of [['up', ['transaction.up.sql']], ['back', ['transaction.up.sql', 'transaction.down.sql']]]) {
    const db = knex({ client: 'better-sqlite3', connection: { filename: place(`knex.${way}.db`) }, useNullAsDefault: true });
    const migrationSource = {
      getMigrations: async () => files,
      getMigrationName: (it) => it,
      getMigration: async (it) => ({
        async up(trx) {
          for (const one of statements(read(it))) await trx.raw(one.replaceAll('?', '\\?'));
        },
        async down() {},
      }),
    };
    await db.migrate.latest({ migrationSource });
    await db.destroy();
  }
  const db = new Database(place('better-sqlite3.same.db'));
  await fails(() => db.exec(read('transaction.up.sql')));
  db.close();
}

fs.mkdirSync(path.join(folder, 'out'), { recursive: true });
for (const run of [d1, wrangler, libsql, dbmate, drizzleKit, knexjs]) {
  try {
    await run();
    console.log(`${run.name} ran`);
  } catch (error) {
    console.error(`${run.name}: ${error.stack ?? error} ${error.stderr ?? ''} ${error.stdout ?? ''}`);
    process.exitCode = 1;
  }
}
