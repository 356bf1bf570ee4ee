"""The Arcsecond dialect: an observatory's archive over the REST API of Arcsecond."""
