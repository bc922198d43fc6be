-- The tokens that the models of a stage have read, written, trained on or scored, and the most
-- memory that the process had taken at its end.
ALTER TABLE stage ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stage ADD COLUMN memory INTEGER NOT NULL DEFAULT 0;

-- What each stage was expected to take before the run began. Like the times of stages, it is no
-- part of the results, and is left out of exports.
CREATE TABLE forecast (
  generation INTEGER NOT NULL,
  name TEXT NOT NULL,
  tokens REAL NOT NULL,
  seconds REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  cpu_seconds REAL NOT NULL,
  memory INTEGER NOT NULL,
  PRIMARY KEY (generation, name)
) STRICT, WITHOUT ROWID;
