"""The STDWeb dialect: frames reduced as tasks, over the REST API of STDWeb."""
