-- The style of Prisma, TypeORM and Sequelize: singular CamelCase tables, camelCase columns.
CREATE TABLE "User" (id INTEGER PRIMARY KEY, email TEXT NOT NULL, "createdAt" DATETIME, "loginCount" INTEGER);
CREATE TABLE "Team" (id INTEGER PRIMARY KEY, name TEXT, "ownerId" INTEGER NOT NULL REFERENCES "User" (id), "maxMembers" INTEGER);
CREATE TABLE "TeamMember" (
    "teamId" INTEGER NOT NULL REFERENCES "Team" (id), "userId" INTEGER NOT NULL REFERENCES "User" (id), role TEXT, PRIMARY KEY ("teamId", "userId")
);
CREATE TABLE "Project" (id INTEGER PRIMARY KEY, "teamId" INTEGER NOT NULL REFERENCES "Team" (id), name TEXT, "createdBy" INTEGER REFERENCES "User" (id));
CREATE TABLE "Task" (
    id INTEGER PRIMARY KEY, "projectId" INTEGER NOT NULL REFERENCES "Project" (id), "assigneeId" INTEGER REFERENCES "User" (id),
    "parentTaskId" INTEGER REFERENCES "Task" (id), "sortOrder" INTEGER, "estimateHours" INTEGER, "updatedBy" INTEGER REFERENCES "User" (id)
);
CREATE TABLE "TaskComment" (id INTEGER PRIMARY KEY, "taskId" INTEGER NOT NULL REFERENCES "Task" (id), "authorId" INTEGER NOT NULL REFERENCES "User" (id), body TEXT);
CREATE TABLE "Label" (id INTEGER PRIMARY KEY, "projectId" INTEGER NOT NULL REFERENCES "Project" (id), color INTEGER);
CREATE TABLE "TaskLabel" ("taskId" INTEGER NOT NULL REFERENCES "Task" (id), "labelId" INTEGER NOT NULL REFERENCES "Label" (id), PRIMARY KEY ("taskId", "labelId"));
CREATE TABLE "RefreshToken" (id INTEGER PRIMARY KEY, "userId" INTEGER NOT NULL REFERENCES "User" (id), token TEXT, "useCount" INTEGER);
CREATE TABLE "ApiKey" (id INTEGER PRIMARY KEY, "userId" INTEGER NOT NULL REFERENCES "User" (id), "keyHash" TEXT);
