#!/bin/sh
# The passwords of docker-compose.yml, made once: of the superuser, of the app, and the URLs of superuser and migrator.
# The folder is closed to others. The files are not: a container sees them alone, and reads them as another user.
set -eu
mkdir -p -m 0700 secrets
cd secrets
umask 022
place='@postgres/tradelab?sslmode=disable'
[ -s database_password ] || openssl rand -hex 24 > database_password
[ -s app_password ] || openssl rand -hex 24 > app_password
[ -s admin_url ] || printf 'postgresql+psycopg2://tradelab:%s%s\n' "$(cat database_password)" "$place" > admin_url
[ -s migrator_url ] || printf 'postgresql+psycopg2://tradelab_migrator:%s%s\n' "$(openssl rand -hex 24)" "$place" > migrator_url
