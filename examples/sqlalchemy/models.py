"""The models of an application whose webhook_logs has got its foreign keys from fkfix up."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Camera(Base):
    __tablename__ = "cameras"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    is_enabled: Mapped[bool] = mapped_column(server_default="1")


class AlertRule(Base):
    __tablename__ = "alert_rules"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    is_enabled: Mapped[bool] = mapped_column(server_default="1")
    conditions: Mapped[str] = mapped_column(Text, server_default="{}")
    actions: Mapped[str] = mapped_column(Text, server_default="{}")
    cooldown_minutes: Mapped[int] = mapped_column(server_default="5")
    last_triggered_at: Mapped[datetime | None]
    trigger_count: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())
    entity_id: Mapped[str | None] = mapped_column(String(36))
    entity_match_mode: Mapped[str] = mapped_column(String(20), server_default="any")

    # The database deletes the logs of a rule: passive_deletes keeps SQLAlchemy from loading
    # them first.
    webhook_logs: Mapped[list["WebhookLog"]] = relationship(
        back_populates="alert_rule", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (Index("idx_alert_rules_is_enabled", "is_enabled"),)


class Event(Base):
    __tablename__ = "events"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("cameras.id", ondelete="CASCADE"))
    timestamp: Mapped[datetime]
    description: Mapped[str] = mapped_column(Text)
    confidence: Mapped[int]
    objects_detected: Mapped[str] = mapped_column(Text)
    thumbnail_path: Mapped[str | None] = mapped_column(String(500))
    alert_triggered: Mapped[bool] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())

    webhook_logs: Mapped[list["WebhookLog"]] = relationship(
        back_populates="event", cascade="all, delete-orphan", passive_deletes=True
    )

    __table_args__ = (
        CheckConstraint("confidence >= 0 AND confidence <= 100", name="check_confidence_range"),
        # DESC in the database; SQLAlchemy does not read that from SQLite, and would find a
        # difference that is none.
        Index("idx_events_timestamp_desc", "timestamp"),
        Index("idx_events_camera_timestamp", "camera_id", "timestamp"),
    )


class WebhookLog(Base):
    __tablename__ = "webhook_logs"

    id: Mapped[int] = mapped_column(primary_key=True)
    # The two columns that had no foreign key. The names are those of the migration.
    alert_rule_id: Mapped[str] = mapped_column(
        ForeignKey("alert_rules.id", name="fk_webhook_logs_alert_rule", ondelete="CASCADE")
    )
    event_id: Mapped[str] = mapped_column(
        ForeignKey("events.id", name="fk_webhook_logs_event", ondelete="CASCADE")
    )
    url: Mapped[str] = mapped_column(String(2000))
    status_code: Mapped[int] = mapped_column(server_default="0")
    response_time_ms: Mapped[int] = mapped_column(server_default="0")
    retry_count: Mapped[int] = mapped_column(server_default="0")
    success: Mapped[bool] = mapped_column(server_default="0")
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())

    alert_rule: Mapped[AlertRule] = relationship(back_populates="webhook_logs")
    event: Mapped[Event] = relationship(back_populates="webhook_logs")

    __table_args__ = (
        Index("idx_webhook_logs_alert_rule", "alert_rule_id"),
        Index("idx_webhook_logs_event", "event_id"),
        Index("idx_webhook_logs_rule_event", "alert_rule_id", "event_id"),
        Index("idx_webhook_logs_created", "created_at"),
    )
