-- The texts of fragments in other words, with the reason if one is not trained on. `prompt` is what
-- the model is asked when it is trained on the text.
CREATE TABLE rewrite (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  fragment_id TEXT NOT NULL REFERENCES fragment (id),
  sample INTEGER NOT NULL,
  kind TEXT NOT NULL,
  prompt TEXT NOT NULL,
  text TEXT NOT NULL,
  finish TEXT NOT NULL,
  reason TEXT,
  detail TEXT NOT NULL,
  UNIQUE (fragment_id, sample)
) STRICT, WITHOUT ROWID;

-- A training example may be one of them.
CREATE TABLE selection_anew (
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('new', 'replay', 'rewrite', 'rehearsal')),
  answer_id TEXT REFERENCES answer (id),
  conversation_id TEXT REFERENCES conversation (id),
  rewrite_id TEXT REFERENCES rewrite (id),
  PRIMARY KEY (generation, position),
  CHECK ((answer_id IS NOT NULL) + (conversation_id IS NOT NULL) + (rewrite_id IS NOT NULL) = 1)
) STRICT, WITHOUT ROWID;
INSERT INTO selection_anew
  SELECT generation, position, source, answer_id, conversation_id, NULL FROM selection;
DROP TABLE selection;
ALTER TABLE selection_anew RENAME TO selection;

-- Those that may be trained on. A fragment of which a pair was removed by a correction, or left out
-- because another one contradicts it, has no rewrites that are trained on either.
CREATE VIEW live_rewrite AS
  SELECT id FROM rewrite WHERE reason IS NULL
  AND fragment_id IN (SELECT id FROM training_fragment)
  AND fragment_id NOT IN (
    SELECT fragment_id FROM question WHERE origin = 'generated'
    AND fragment_id IN (SELECT id FROM training_fragment)
    AND id NOT IN (SELECT id FROM live_question)
  );
