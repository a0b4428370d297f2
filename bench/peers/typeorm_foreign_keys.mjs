// The step by TypeORM's createForeignKeys, as a migration of its does it.
//
//     typeorm_foreign_keys.mjs up|up-only|down FILE [--foreign-keys]
//
// `up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
// Its connections have foreign keys on, and beforeMigration switches them off.
import 'reflect-metadata';
import typeorm from 'typeorm';

const KEYS = [
  ['fk_webhook_logs_alert_rule', 'alert_rules', 'alert_rule_id'],
  ['fk_webhook_logs_event', 'events', 'event_id'],
];
const [step, database] = process.argv.slice(2);
const source = new typeorm.DataSource({ type: 'better-sqlite3', database });
try {
  await source.initialize();
  const runner = source.createQueryRunner();
  await runner.beforeMigration();
  await runner.startTransaction();
  try {
    if (step === 'up') {
      for (const [, parent, column] of KEYS) {
        await runner.query(`DELETE FROM webhook_logs WHERE ${column} NOT IN (SELECT id FROM ${parent})`);
      }
    }
    const table = await runner.getTable('webhook_logs');
    if (step === 'down') {
      await runner.dropForeignKeys(table, table.foreignKeys.filter((key) => KEYS.some(([, parent]) => key.referencedTableName === parent)));
    } else {
      await runner.createForeignKeys(
        table,
        KEYS.map(
          ([name, referencedTableName, column]) =>
            new typeorm.TableForeignKey({
              name,
              columnNames: [column],
              referencedTableName,
              referencedColumnNames: ['id'],
              onDelete: 'CASCADE',
            }),
        ),
      );
    }
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  }
  await runner.afterMigration();
} catch (error) {
  console.error(`${error.name}: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
} finally {
  if (source.isInitialized) await source.destroy();
}
