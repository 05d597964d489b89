/**
 * The built-in profile for Nautobot 1.6, 2.x and 3.x, as a person would write it (`replicator profile nautobot` prints
 * it). A module and no file of its own: it then goes wherever the program goes, Lambda's bundles included.
 */
export const nautobot = `# What of a Nautobot must not reach staging alive. For Nautobot 1.6, 2.x and 3.x.
#
# Credentials, tokens and sessions are gone, nothing acts on the world any more, people are pseudonyms, and so are
# their copies in histories. Change a rule by extending this profile:
#
#   version: 1
#   extends: nautobot
#   switches: {personal_data: keep}
#   tables:
#     extras_secret: {columns: {parameters: keep}}
#     my_app_license: {rows: none}
version: 1
description: Nautobot without secrets, without effects on the world and without people

switches:
  # mask: users, contacts and notes become pseudonyms; keep: they stay
  personal_data: mask
  # none: change log, job results and their logs lose their rows; recent: those of the last days stay, without secrets
  history: none
  history_days: 30
  # Keys of JSON in the change log whose values are replaced where it stays: a regular expression
  secret_keys: "^(data|value|text|note|result|parameters|settings|config|config_data|extra_data|extra_config|username)$|pass(word|wd|phrase)?|pwd|secret|token|credential|api_?key|private|auth|cookie|session|headers?|community|url|context|args|email|phone|address|first_name|last_name|contact"
  # remove: config contexts become empty; mask: values of keys that look like secrets are replaced; keep
  config_contexts: remove
  # The user who keeps login and name (--keep-admin)
  keep_admin: null
  # A superuser who is made or changed; the password comes from REPLICATOR_STAGING_ADMIN_PASSWORD (--staging-admin)
  staging_admin: null

tables:
  # Who may come in
  auth_user:
    except: username = switch('keep_admin')
    columns:
      # Django: no password can be right
      password: "'!replicator'"
  users_token: {rows: none, referring: clear}
  django_session: {rows: none, referring: clear}
  social_auth_*: {rows: none, referring: clear, optional: true}
  django_admin_log: {rows: none, referring: clear, optional: true}

  # What acts on the world
  extras_webhook:
    columns:
      enabled: false
      payload_url: "'https://webhook.invalid/' || id"
      additional_headers: "''"
      body_template: "''"
      secret: "''"
      ca_file_path: {to: "CASE WHEN ca_file_path IS NOT NULL THEN '' END", optional: true}
  extras_jobhook:
    optional: true
    columns: {enabled: false}
  extras_jobbutton:
    optional: true
    columns: {enabled: {to: false, optional: true}}
  extras_scheduledjob:
    columns:
      enabled: false
      args: "'[]'"
      kwargs: "'{}'"
      celery_kwargs: {to: "'{}'", optional: true}
      headers: {to: "'{}'", optional: true}
      routing_key: {to: keep, optional: true}
  extras_gitrepository:
    columns:
      remote_url: "'https://git.invalid/' || id"
      # Nothing is cloned when a worker starts
      provided_contents: "'[]'"
      current_head: "''"
      username: {to: "''", optional: true}
  extras_externalintegration:
    optional: true
    columns:
      remote_url: "'https://integration.invalid/' || id"
      headers: {to: null, optional: true}
      extra_config: {to: null, optional: true}
      ca_file_path: {to: "''", optional: true}
  django_celery_beat_periodictask:
    optional: true
    columns: {enabled: false, args: "'[]'", kwargs: "'{}'", headers: "'{}'", routing_key: keep}

  # Secrets in configuration
  extras_secret:
    columns: {parameters: "'{}'"}
  constance_*: {rows: none, referring: clear, optional: true}

  # What jobs left
  extras_fileattachment: {rows: none, referring: clear, optional: true}
  extras_fileproxy: {rows: none, referring: clear, optional: true}
  extras_jobconsoleentry: {rows: none, referring: clear, optional: true}
  django_celery_results_*: {rows: none, referring: clear, optional: true}
  silk_*: {rows: none, referring: clear, optional: true}

  # Names with "key" in them that are no secrets
  extras_customfield: {optional: true, columns: {key: {to: keep, optional: true}}}
  extras_computedfield: {optional: true, columns: {key: {to: keep, optional: true}}}
  extras_relationship: {optional: true, columns: {key: {to: keep, optional: true}}}
  extras_secretsgroupassociation: {optional: true, columns: {secret_type: keep}}
  load_balancers_certificateprofile: {optional: true, columns: {key_file_path: {to: keep, optional: true}}}

when:
  # 1.6 encrypts a token by a key that isn't in the database: an empty one can't be written, and the row can't stay
  - has: [extras_gitrepository._token]
    tables:
      extras_gitrepository: {rows: none, referring: clear}
  # 1.6 shows a button where it belongs to a type of object
  - has: [extras_jobbutton]
    lacks: [extras_jobbutton.enabled]
    tables:
      extras_jobbutton_content_types: {rows: none, optional: true}

  - switches: {history: none}
    tables:
      extras_objectchange: {rows: none, referring: clear}
      extras_jobresult: {rows: none, referring: clear}
      extras_joblogentry: {rows: none, referring: clear}
  - switches: {history: recent}
    tables:
      extras_objectchange:
        rows: time > backup_time() - pg_catalog.make_interval(days => switch('history_days'))
        columns:
          object_data: mask.json(object_data, switch('secret_keys'))
          object_data_v2:
            to: mask.json(object_data_v2, switch('secret_keys'))
            optional: true
      # Log entries refer to results, so that these can only go or stay together
      extras_jobresult:
        columns:
          data: {to: null, optional: true}
          job_kwargs: {to: null, optional: true}
          result: {to: null, optional: true}
          meta: {to: null, optional: true}
          traceback: {to: null, optional: true}
          task_args: {to: "'[]'", optional: true}
          task_kwargs: {to: "'{}'", optional: true}
          celery_kwargs: {to: "'{}'", optional: true}
      extras_joblogentry:
        optional: true
        rows: created > backup_time() - pg_catalog.make_interval(days => switch('history_days'))
        columns: {message: "'(masked)'", log_object: "''", absolute_url: "''"}

  - switches: {config_contexts: remove}
    tables:
      extras_configcontext: {columns: {data: "'{}'"}}
      dcim_device: &no_local_context
        columns:
          local_config_context_data: {to: null, optional: true}
          local_context_data: {to: null, optional: true}
      virtualization_virtualmachine: *no_local_context
  - switches: {config_contexts: mask}
    tables:
      extras_configcontext: {columns: {data: mask.json(data)}}
      dcim_device: &masked_local_context
        columns:
          local_config_context_data: {to: mask.json(local_config_context_data), optional: true}
          local_context_data: {to: mask.json(local_context_data), optional: true}
      virtualization_virtualmachine: *masked_local_context

  - switches: {personal_data: mask}
    tables:
      auth_user:
        columns:
          username: mask.username(username)
          first_name: mask.name(first_name)
          last_name: mask.name(last_name)
          email: mask.email(email)
          config_data: "'{}'"
      extras_note:
        optional: true
        columns:
          user_name: CASE WHEN user_name = switch('keep_admin') THEN user_name ELSE mask.username(user_name) END
          note: mask.text(note)
      extras_contact:
        optional: true
        columns:
          name: mask.name(name)
          phone: mask.phone(phone)
          email: mask.email(email)
          address: mask.text(address)
          comments: mask.text(comments)
      extras_team:
        optional: true
        columns:
          phone: mask.phone(phone)
          email: mask.email(email)
          address: mask.text(address)
          comments: mask.text(comments)
      extras_approvalworkflow:
        optional: true
        columns:
          user_name:
            to: CASE WHEN user_name = switch('keep_admin') THEN user_name ELSE mask.username(user_name) END
            optional: true
      extras_approvaluserresponse:
        optional: true
        columns: {comments: {to: mask.text(comments), optional: true}}
      dcim_location: &site
        optional: true
        columns:
          contact_name: {to: mask.name(contact_name), optional: true}
          contact_phone: {to: mask.phone(contact_phone), optional: true}
          contact_email: {to: mask.email(contact_email), optional: true}
      dcim_site: *site
      circuits_provider:
        optional: true
        columns:
          noc_contact: {to: mask.text(noc_contact), optional: true}
          admin_contact: {to: mask.text(admin_contact), optional: true}
  - switches: {personal_data: mask, history: recent}
    tables:
      extras_objectchange:
        columns:
          user_name: CASE WHEN user_name = switch('keep_admin') THEN user_name ELSE mask.username(user_name) END
          object_repr: "'(masked)'"
          change_context_detail: {to: "''", optional: true}
`;
