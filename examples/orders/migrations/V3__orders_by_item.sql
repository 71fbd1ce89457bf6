-- CONCURRENTLY: orders are written while the index is built. PostgreSQL does not run that in a
-- transaction. Should it break off, the next run drops what it left and builds the index anew.
-- landfall: no-transaction
CREATE INDEX CONCURRENTLY orders_by_item ON orders (item);
