-- The smoke test looks for the anchor.
INSERT INTO orders (item, quantity) VALUES
    ('anchor', 1),
    ('rope, 10 m', 4);
