"""The chapters of the report, one file each: facts in, a `Section` out."""
