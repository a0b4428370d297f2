-- The shape of the RealWorld example in Prisma, with its tables of A and B.
CREATE TABLE "Article" (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, title TEXT, "authorId" INTEGER NOT NULL REFERENCES "User" (id));
CREATE TABLE "ArticleTags" ("articleId" INTEGER NOT NULL REFERENCES "Article" (id), "tagId" INTEGER NOT NULL REFERENCES "Tag" (id), PRIMARY KEY ("articleId", "tagId"));
CREATE TABLE "Comment" (id INTEGER PRIMARY KEY, body TEXT, "articleId" INTEGER NOT NULL REFERENCES "Article" (id), "authorId" INTEGER NOT NULL REFERENCES "User" (id));
CREATE TABLE "Tag" (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE "User" (id INTEGER PRIMARY KEY, email TEXT UNIQUE, username TEXT UNIQUE, bio TEXT, demo BOOLEAN);
CREATE TABLE "_UserFavorites" ("A" INTEGER NOT NULL REFERENCES "Article" (id), "B" INTEGER NOT NULL REFERENCES "User" (id), UNIQUE ("A", "B"));
CREATE TABLE "_UserFollows" ("A" INTEGER NOT NULL REFERENCES "User" (id), "B" INTEGER NOT NULL REFERENCES "User" (id), UNIQUE ("A", "B"));
