-- A ledger of millions of rows answers a question about a few of them in the time of a few. For that,
-- the views are conditions on a row: SQLite looks a row up, and makes no list of all of them. Where
-- all fragments are counted, an index has all that is needed, so that their texts are not read. A
-- plus keeps SQLite from using an index for a condition that most rows meet.

DROP INDEX fragment_document;
CREATE INDEX fragment_state ON fragment (document_id, language, duplicate, duplicate_of);
CREATE INDEX fragment_repeated ON fragment (duplicate_of, duplicate, document_id)
  WHERE duplicate_of IS NOT NULL;
CREATE INDEX fragment_quoted ON fragment (document_id) WHERE own = '';
CREATE INDEX verdict_reason ON verdict (reason) WHERE reason IS NOT NULL;
CREATE INDEX selection_answer ON selection (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX selection_rewrite ON selection (rewrite_id) WHERE rewrite_id IS NOT NULL;

CREATE VIEW gone_document AS
  SELECT id FROM document WHERE id NOT IN (SELECT id FROM live_document);

-- The fragments that others repeat exactly in a document that is still there.
CREATE VIEW repeated_fragment AS
  SELECT duplicate_of AS id FROM fragment WHERE duplicate_of IS NOT NULL AND duplicate = 'exact'
    AND +document_id IN (SELECT id FROM live_document);

-- The fragments that speak for themselves, because what they repeat is no longer there: one of each
-- text. What a fragment repeats is never itself a duplicate.
CREATE VIEW orphaned_fragment AS
  SELECT id FROM (
    SELECT id, min(number) FROM fragment
    WHERE duplicate_of IN (
        SELECT id FROM fragment WHERE document_id IN (SELECT id FROM gone_document)
      )
      AND +duplicate IN ('near', 'passage') AND +document_id IN (SELECT id FROM live_document)
      AND duplicate_of NOT IN (SELECT id FROM repeated_fragment)
    GROUP BY heading, text
  );

DROP VIEW live_fragment;
CREATE VIEW live_fragment AS
  SELECT * FROM fragment
  WHERE duplicate_of IS NULL AND +document_id IN (SELECT id FROM live_document)
    OR +id IN (SELECT id FROM repeated_fragment) OR +id IN (SELECT id FROM orphaned_fragment);

-- Those that a mail only quotes are live, and found by a search, but nothing is asked about them.
CREATE VIEW asked_fragment AS
  SELECT * FROM live_fragment WHERE id NOT IN (SELECT id FROM fragment WHERE own = '');

DROP VIEW training_fragment;
CREATE VIEW training_fragment AS
  SELECT * FROM asked_fragment
  WHERE document_id NOT IN (SELECT id FROM held_document) AND (
    duplicate_of IS NULL OR duplicate_of NOT IN (
      SELECT id FROM fragment WHERE document_id IN (SELECT id FROM held_document)
    )
  );

DROP VIEW present_question;
CREATE VIEW present_question AS
  SELECT * FROM question q WHERE (
    q.origin = 'generated'
      AND EXISTS (SELECT 1 FROM training_fragment f WHERE f.id = q.fragment_id)
    OR q.id IN (SELECT question_id FROM live_trusted_row)
    OR q.id IN (
      SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
      WHERE p.kind = 'taught' AND p.correction_id IN (SELECT id FROM live_correction)
    )
  ) AND q.id NOT IN (
    SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
    WHERE p.kind = 'removed' AND p.correction_id IN (SELECT id FROM live_correction)
  );

DROP VIEW live_question;
CREATE VIEW live_question AS
  SELECT * FROM present_question WHERE id NOT IN (
    SELECT a.question_id FROM contradiction c
    JOIN answer a ON a.id = c.answer_id JOIN answer o ON o.id = c.other_id
    JOIN present_question other ON other.id = o.question_id
    WHERE c.generation = (
      SELECT max(generation) FROM stage WHERE name = 'check' AND done
    )
  );

DROP VIEW live_rewrite;
CREATE VIEW live_rewrite AS
  SELECT * FROM rewrite r WHERE reason IS NULL
  AND EXISTS (SELECT 1 FROM training_fragment f WHERE f.id = r.fragment_id)
  AND NOT EXISTS (
    SELECT 1 FROM question q WHERE q.fragment_id = r.fragment_id AND q.origin = 'generated'
    AND NOT EXISTS (SELECT 1 FROM live_question l WHERE l.id = q.id)
  );

-- Selections, and the pairs of teachers, are counted too. `kind` is the source of a selection, and the
-- id of a teacher (`taught`: all its pairs; `kept`: those that passed the check). The selections of a
-- generation are added in one transaction, and counted at its end, because a trigger would keep a copy
-- of the same pages for each of millions of rows.
INSERT INTO tally SELECT generation, 'selection', source, count(*) FROM selection GROUP BY 1, 3;
INSERT INTO tally
  SELECT q.generation, 'taught', t.teacher_id, count(*)
  FROM taught t JOIN answer a ON a.id = t.id JOIN question q ON q.id = a.question_id GROUP BY 1, 3;
INSERT INTO tally
  SELECT q.generation, 'kept', t.teacher_id, count(*)
  FROM taught t JOIN verdict v ON v.answer_id = t.id JOIN answer a ON a.id = t.id
  JOIN question q ON q.id = a.question_id WHERE v.reason IS NULL GROUP BY 1, 3;

CREATE TRIGGER tally_taught AFTER INSERT ON taught BEGIN
  INSERT INTO tally
  SELECT q.generation, 'taught', new.teacher_id, 1
  FROM answer a JOIN question q ON q.id = a.question_id WHERE a.id = new.id
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER tally_kept AFTER INSERT ON verdict WHEN new.reason IS NULL BEGIN
  INSERT INTO tally
  SELECT q.generation, 'kept', t.teacher_id, 1
  FROM taught t JOIN answer a ON a.id = t.id JOIN question q ON q.id = a.question_id
  WHERE t.id = new.answer_id
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
