-- The pairs that are left out because another one contradicts them: the whole list of each
-- generation, as its stage `check` found it. That of the last one counts.
CREATE TABLE contradiction (
  generation INTEGER NOT NULL,
  answer_id TEXT NOT NULL REFERENCES answer (id),
  other_id TEXT NOT NULL REFERENCES answer (id),
  believed INTEGER NOT NULL,
  PRIMARY KEY (generation, answer_id)
) STRICT, WITHOUT ROWID;

-- The questions that are still there: those of documents, of the user's file and of corrections.
DROP VIEW live_question;
CREATE VIEW present_question AS
  SELECT id FROM (
    SELECT id FROM question
    WHERE origin = 'generated' AND fragment_id IN (SELECT id FROM training_fragment)
    UNION SELECT question_id FROM live_trusted_row
    UNION SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
      WHERE p.kind = 'taught' AND p.correction_id IN (SELECT id FROM live_correction)
  ) WHERE id NOT IN (
    SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
    WHERE p.kind = 'removed' AND p.correction_id IN (SELECT id FROM live_correction)
  );

-- Those whose pairs may be trained on: a contradiction counts while the other pair is there.
CREATE VIEW live_question AS
  WITH present AS MATERIALIZED (SELECT id FROM present_question)
  SELECT id FROM present WHERE id NOT IN (
    SELECT a.question_id FROM contradiction c
    JOIN answer a ON a.id = c.answer_id JOIN answer o ON o.id = c.other_id
    WHERE o.question_id IN (SELECT id FROM present) AND c.generation = (
      SELECT max(generation) FROM stage WHERE name = 'check' AND done
    )
  );

-- A run that began without these checks goes on without them.
UPDATE meta SET value = json_set(
  value, '$.check.contradictions', json('false'), '$.check.off_topic', json('false'),
  '$.check.negation', json('false')
) WHERE key = 'settings';
