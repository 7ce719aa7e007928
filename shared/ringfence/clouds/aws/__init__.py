"""Amazon Web Services. Clients are made in cached getters: nothing is imported before something is to be done."""
