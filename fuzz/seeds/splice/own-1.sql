CREATE TABLE [t x] ("a""b" TEXT DEFAULT ')' -- )
)