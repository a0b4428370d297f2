# The step by Rails' add_foreign_key, in the transaction that a migration has.
#
#     rails_foreign_keys.rb up|up-only|down FILE [--foreign-keys]
#
# `up` deletes the orphans first, with the statements that people write; `up-only` leaves them.
# Rails' own connections have foreign keys on.
require "active_record"

step, path = ARGV
ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: path)
ActiveRecord::Migration.verbose = false

class AddKeys < ActiveRecord::Migration[6.1]
  KEYS = { alert_rules: :alert_rule_id, events: :event_id }.freeze

  def up
    KEYS.each do |parent, column|
      name = "fk_webhook_logs_#{parent.to_s.chomp('s')}"
      add_foreign_key :webhook_logs, parent, column: column, on_delete: :cascade, name: name
    end
  end

  def down
    KEYS.each { |parent, column| remove_foreign_key :webhook_logs, parent, column: column }
  end
end

begin
  connection = ActiveRecord::Base.connection
  connection.transaction do
    if step == "up"
      AddKeys::KEYS.each do |parent, column|
        connection.execute("DELETE FROM webhook_logs WHERE #{column} NOT IN (SELECT id FROM #{parent})")
      end
    end
    AddKeys.new.migrate(step == "down" ? :down : :up)
  end
rescue StandardError => e
  warn "#{e.class.name.gsub('::', '.')}: #{e.message.lines.first.strip}"
  exit 1
end
