"""The languages: catalogues, legal areas, names, plural forms, and their checks."""
