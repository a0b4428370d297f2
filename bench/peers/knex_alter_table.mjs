// The step by Knex' alterTable, in the transaction that a migration has.
//
//     knex_alter_table.mjs up|up-only|down FILE [--foreign-keys]
//
// `up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
import knex from 'knex';

const KEYS = [
  ['fk_webhook_logs_alert_rule', 'alert_rules', 'alert_rule_id'],
  ['fk_webhook_logs_event', 'events', 'event_id'],
];
const [step, filename, ...options] = process.argv.slice(2);
const on = options.includes('--foreign-keys') ? 'ON' : 'OFF';
const pool = {
  afterCreate: (connection, done) => {
    connection.pragma(`foreign_keys = ${on}`);
    done(null, connection);
  },
};
const db = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true, pool });
try {
  await db.transaction(async (trx) => {
    if (step === 'up') {
      for (const [, parent, column] of KEYS) {
        await trx.raw(`DELETE FROM webhook_logs WHERE ${column} NOT IN (SELECT id FROM ${parent})`);
      }
    }
    await trx.schema.alterTable('webhook_logs', (table) => {
      for (const [name, parent, column] of KEYS) {
        if (step === 'down') table.dropForeign(column, name);
        else table.foreign(column, name).references('id').inTable(parent).onDelete('CASCADE');
      }
    });
  });
} catch (error) {
  console.error(`${error.name}: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
} finally {
  await db.destroy();
}
