// The step by Drizzle Kit: `pull` reads the schema, the keys are written into it, `generate` writes
// the migration, and that is run in one transaction, as drizzle-orm's migrator runs it.
//
//     drizzle_kit_generate.mjs up|up-only|down FILE [--foreign-keys]
//
// `up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
// `down` generates a migration to the schema that was pulled: there are none that go down.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';

const KEYS = [
  ['alert_rule_id', 'alertRules', 'alert_rules'],
  ['event_id', 'events', 'events'],
];
const [step, file, ...options] = process.argv.slice(2);
const folder = `${file}.drizzle`;
const out = path.join(folder, 'drizzle');
const kit = path.join(process.cwd(), 'node_modules', 'drizzle-kit', 'bin.cjs');

// Some of its errors are printed, and it still exits with 0.
function run(command) {
  const done = spawnSync(process.execPath, [kit, command], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const said = `${done.stderr}\n${done.stdout}`.split('\n').find((line) => /\berror\b|^\w*Error:/i.test(line));
  if (done.status !== 0 || said) throw new Error(`drizzle-kit ${command}: ${said ?? done.status}`);
}

function generated() {
  const names = fs.readdirSync(out).filter((name) => name.endsWith('.sql')).sort();
  return path.join(out, names.at(-1));
}

try {
  const schema = path.join(out, 'schema.ts');
  if (step === 'down') {
    fs.copyFileSync(`${schema}.pulled`, schema);
  } else {
    fs.mkdirSync(folder);
    fs.symlinkSync(path.join(process.cwd(), 'node_modules'), path.join(folder, 'node_modules'));
    const config = { dialect: 'sqlite', out: './drizzle', schema: './drizzle/schema.ts', dbCredentials: { url: file } };
    fs.writeFileSync(path.join(folder, 'drizzle.config.json'), JSON.stringify(config));
    run('pull');
    fs.copyFileSync(schema, `${schema}.pulled`);
    const [before, table, after] = fs
      .readFileSync(schema, 'utf8')
      .split(/(export const webhookLogs = [\s\S]*?\n\}[^\n]*\n)/);
    const lines = table.split('\n').map((line) => {
      const key = KEYS.find(([column]) => line.includes(`("${column}"`) && line.startsWith('\t'));
      return key ? line.replace(/,?$/, `.references(() => ${key[1]}.id, { onDelete: "cascade" }),`) : line;
    });
    const text = before + lines.join('\n') + after;
    fs.writeFileSync(schema, text);
  }
  run('generate');
  const migration = fs.readFileSync(generated(), 'utf8');
  const db = new Database(file);
  db.pragma(`foreign_keys = ${options.includes('--foreign-keys') ? 'ON' : 'OFF'}`);
  db.exec('BEGIN');
  try {
    if (step === 'up') {
      for (const [column, , parent] of KEYS) {
        db.exec(`DELETE FROM webhook_logs WHERE ${column} NOT IN (SELECT id FROM ${parent})`);
      }
    }
    for (const statement of migration.split('--> statement-breakpoint')) db.exec(statement);
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  } finally {
    db.close();
  }
} catch (error) {
  console.error(`${error.name}: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}
