-- Holds the number of a migration that is written elsewhere; that one replaces this file.
SELECT 1;
