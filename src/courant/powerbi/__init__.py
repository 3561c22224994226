"""The Power BI project: a star on MySQL's views and a report on it, as text made of the contracts."""
