"""What every service is made of: settings, server, errors on the wire, database, object store."""
