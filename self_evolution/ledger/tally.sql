-- How many rows of pairs each generation has, counted as they are added, because counting millions
-- of rows takes minutes. Rows of these tables are never changed and never taken away.
--
-- `what` is question, answer, verdict or score. `kind` is a question's origin, the reason of a
-- verdict (empty for a kept pair), the outcome of a score, and empty for an answer.
CREATE TABLE tally (
  generation INTEGER NOT NULL,
  what TEXT NOT NULL,
  kind TEXT NOT NULL,
  rows INTEGER NOT NULL,
  PRIMARY KEY (generation, what, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO tally
  SELECT generation, 'question', origin, count(*) FROM question GROUP BY 1, 3;
INSERT INTO tally
  SELECT q.generation, 'answer', '', count(*)
  FROM answer a JOIN question q ON q.id = a.question_id GROUP BY 1;
INSERT INTO tally
  SELECT q.generation, 'verdict', coalesce(v.reason, ''), count(*)
  FROM verdict v JOIN answer a ON a.id = v.answer_id JOIN question q ON q.id = a.question_id
  GROUP BY 1, 3;
INSERT INTO tally
  SELECT q.generation, 'score', s.outcome, count(*)
  FROM score s JOIN answer a ON a.id = s.answer_id JOIN question q ON q.id = a.question_id
  GROUP BY 1, 3;

CREATE TRIGGER tally_question AFTER INSERT ON question BEGIN
  INSERT INTO tally VALUES (new.generation, 'question', new.origin, 1)
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER tally_answer AFTER INSERT ON answer BEGIN
  INSERT INTO tally
  SELECT generation, 'answer', '', 1 FROM question WHERE id = new.question_id
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER tally_verdict AFTER INSERT ON verdict BEGIN
  INSERT INTO tally
  SELECT q.generation, 'verdict', coalesce(new.reason, ''), 1
  FROM answer a JOIN question q ON q.id = a.question_id WHERE a.id = new.answer_id
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
CREATE TRIGGER tally_score AFTER INSERT ON score BEGIN
  INSERT INTO tally
  SELECT q.generation, 'score', new.outcome, 1
  FROM answer a JOIN question q ON q.id = a.question_id WHERE a.id = new.answer_id
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END;
