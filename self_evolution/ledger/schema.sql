-- The ledger of a run, version 4. A table for each type of records.py, with its fields as columns.
-- Rows are only ever added: what a run did is never rewritten. Later changes of the schema are steps
-- in migrations.py; this file stays as it is, because ledgers of version 4 were made by it.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document (
  id TEXT PRIMARY KEY,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  format TEXT NOT NULL,
  title TEXT NOT NULL,
  problem TEXT,
  note TEXT NOT NULL,
  container TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX document_path ON document (path);

CREATE TABLE event (
  position INTEGER PRIMARY KEY,
  document_id TEXT NOT NULL REFERENCES document (id),
  kind TEXT NOT NULL CHECK (kind IN ('changed', 'withdrawn', 'returned'))
) STRICT;
CREATE INDEX event_document ON event (document_id, position);

CREATE VIEW live_document AS
  SELECT * FROM document d WHERE coalesce(
    (SELECT kind FROM event WHERE document_id = d.id ORDER BY position DESC LIMIT 1), 'returned'
  ) = 'returned';

CREATE TABLE section (
  id TEXT PRIMARY KEY,
  document_id TEXT NOT NULL REFERENCES document (id),
  position INTEGER NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,
  "start" INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  pages TEXT NOT NULL,
  overlap INTEGER NOT NULL,
  UNIQUE (document_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE fragment (
  id TEXT PRIMARY KEY,
  document_id TEXT NOT NULL REFERENCES document (id),
  section_id TEXT NOT NULL REFERENCES section (id),
  position INTEGER NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,
  "start" INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  page INTEGER,
  tokens INTEGER NOT NULL,
  language TEXT NOT NULL,
  number INTEGER NOT NULL UNIQUE,
  duplicate TEXT CHECK (duplicate IN ('exact', 'near', 'passage')),
  duplicate_of TEXT REFERENCES fragment (id),
  UNIQUE (section_id, position),
  CHECK ((duplicate IS NULL) = (duplicate_of IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX fragment_document ON fragment (document_id);

-- The fragments to ask about. The first of equal ones stands for them as long as any of them is
-- in a document that is still there; what else repeats it speaks for itself, once, when it no
-- longer is.
CREATE VIEW live_fragment AS
  WITH here AS (
    SELECT f.id, f.heading, f.text, f.number, f.duplicate, f.duplicate_of FROM fragment f
    JOIN live_document d ON d.id = f.document_id
  ), first AS (
    SELECT id FROM here WHERE duplicate IS NULL
    UNION SELECT duplicate_of FROM here WHERE duplicate = 'exact'
  )
  SELECT id FROM first
  UNION SELECT id FROM (
    SELECT id, min(number) FROM here
    WHERE duplicate IN ('near', 'passage') AND duplicate_of NOT IN (SELECT id FROM first)
    GROUP BY heading, text
  );

-- Documents kept out of training from the beginning, for questions on what no model has seen. A
-- later version of such a document is under the same path, and is kept out too.
CREATE TABLE holdout (
  document_id TEXT PRIMARY KEY REFERENCES document (id)
) STRICT, WITHOUT ROWID;

CREATE VIEW held_document AS
  SELECT id FROM document WHERE path IN (
    SELECT path FROM document WHERE id IN (SELECT document_id FROM holdout)
  );

-- The fragments that training may ask about: none of a held-out document, nor what repeats one.
CREATE VIEW training_fragment AS
  WITH held AS (
    SELECT id FROM fragment WHERE document_id IN (SELECT id FROM held_document)
  )
  SELECT f.id FROM live_fragment l JOIN fragment f ON f.id = l.id
  WHERE f.id NOT IN (SELECT id FROM held)
    AND (f.duplicate_of IS NULL OR f.duplicate_of NOT IN (SELECT id FROM held));

-- The terms of every live fragment, by its number, once something is searched for. It only serves
-- to find rows and is made from them, so exports leave it out. Terms come ready: cut at spaces alone.
CREATE VIRTUAL TABLE search USING fts5 (
  terms, content = '', tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'"
);

CREATE TABLE question (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  fragment_id TEXT NOT NULL REFERENCES fragment (id),
  sample INTEGER NOT NULL,
  text TEXT NOT NULL,
  finish TEXT NOT NULL,
  UNIQUE (generation, sample, fragment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX question_fragment ON question (fragment_id, generation);

CREATE TABLE answer (
  id TEXT PRIMARY KEY,
  question_id TEXT NOT NULL UNIQUE REFERENCES question (id),
  text TEXT NOT NULL,
  finish TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
  answer_id TEXT PRIMARY KEY REFERENCES answer (id),
  reason TEXT,
  detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE likeness (
  answer_id TEXT PRIMARY KEY REFERENCES answer (id),
  item_id TEXT NOT NULL REFERENCES item (id),
  share REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE score (
  answer_id TEXT PRIMARY KEY REFERENCES answer (id),
  scorer TEXT NOT NULL,
  outcome TEXT NOT NULL,
  ifd REAL,
  nll_given_question REAL,
  nll_alone REAL,
  answer_tokens INTEGER NOT NULL,
  CHECK ((outcome IN ('scored', 'one_token')) = (ifd IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation (
  id TEXT PRIMARY KEY,
  messages TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE selection (
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('new', 'replay', 'rehearsal')),
  answer_id TEXT REFERENCES answer (id),
  conversation_id TEXT REFERENCES conversation (id),
  PRIMARY KEY (generation, position),
  CHECK ((answer_id IS NULL) <> (conversation_id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE adapter (
  generation INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  examples INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  first_loss REAL NOT NULL,
  last_loss REAL NOT NULL
) STRICT;

CREATE TABLE item (
  id TEXT PRIMARY KEY,
  suite TEXT NOT NULL,
  position INTEGER NOT NULL,
  passage TEXT NOT NULL,
  question TEXT NOT NULL,
  reference TEXT NOT NULL,
  reference_values TEXT,
  fragment_id TEXT REFERENCES fragment (id),
  cluster_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX item_suite ON item (suite, position);

-- Every test question that was built, with the reason if it was not taken.
CREATE TABLE candidate (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('seen', 'unseen', 'ability')),
  position INTEGER NOT NULL,
  fragment_id TEXT REFERENCES fragment (id),
  question TEXT NOT NULL,
  reference TEXT NOT NULL,
  reason TEXT,
  detail TEXT NOT NULL,
  topic TEXT,
  UNIQUE (kind, position),
  CHECK ((fragment_id IS NULL) = (topic IS NOT NULL)),
  CHECK ((kind = 'ability') = (topic IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- The test questions as they were locked; the last version counts.
CREATE TABLE seal (
  version INTEGER PRIMARY KEY,
  origin TEXT NOT NULL CHECK (origin IN ('given', 'built', 'reviewed')),
  items INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;

-- Items that a review replaced, or struck out.
CREATE TABLE replacement (
  item_id TEXT PRIMARY KEY REFERENCES item (id),
  version INTEGER NOT NULL,
  new_id TEXT REFERENCES item (id)
) STRICT, WITHOUT ROWID;

CREATE VIEW live_item AS
  SELECT * FROM item WHERE id NOT IN (SELECT item_id FROM replacement);

-- Other models, numbered from -1 down. Their predictions and evaluations are under these numbers,
-- so whatever is asked of generations has to leave out what is below 0.
CREATE TABLE rival (
  generation INTEGER PRIMARY KEY CHECK (generation < 0),
  name TEXT NOT NULL UNIQUE,
  identity TEXT NOT NULL
) STRICT;

CREATE TABLE prediction (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  item_id TEXT NOT NULL REFERENCES item (id),
  mode TEXT NOT NULL,
  text TEXT NOT NULL,
  sources TEXT NOT NULL,
  finish TEXT NOT NULL,
  UNIQUE (generation, mode, item_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE judgement (
  id TEXT PRIMARY KEY,
  judge TEXT NOT NULL,
  generation INTEGER NOT NULL,
  against INTEGER NOT NULL,
  item_id TEXT NOT NULL REFERENCES item (id),
  place INTEGER NOT NULL CHECK (place IN (1, 2)),
  verdict TEXT NOT NULL CHECK (verdict IN ('better', 'worse', 'tie', 'unclear')),
  reply TEXT NOT NULL,
  UNIQUE (judge, generation, against, item_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation (
  generation INTEGER NOT NULL,
  suite TEXT NOT NULL,
  mode TEXT NOT NULL,
  metric TEXT NOT NULL,
  mean REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  n INTEGER NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (generation, suite, mode, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE difference (
  generation INTEGER NOT NULL,
  against INTEGER NOT NULL,
  suite TEXT NOT NULL,
  mode TEXT NOT NULL,
  metric TEXT NOT NULL,
  mean REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  n INTEGER NOT NULL,
  p REAL NOT NULL,
  PRIMARY KEY (generation, against, suite, mode, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE promotion (
  generation INTEGER PRIMARY KEY,
  promoted INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- Which stages are done ("done" is written last), and the time they took. The times are the only
-- thing in the ledger that two equal runs do not share, so this table is left out of exports.
CREATE TABLE stage (
  generation INTEGER NOT NULL,
  name TEXT NOT NULL,
  items INTEGER NOT NULL,
  seconds REAL NOT NULL,
  cpu_seconds REAL NOT NULL,
  done INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (generation, name)
) STRICT, WITHOUT ROWID;

-- What the files were like when they were last looked at, so that unchanged ones need not be read
-- to be known again. It says nothing about the run, and is left out of exports too.
CREATE TABLE file (
  name TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
