/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers that the table in routes.c names, by file. */
#ifndef PR_API_ROUTES_H
#define PR_API_ROUTES_H

#include "api/handler.h"

api_handler_fn application_list, application_create, application_get, application_put, application_patch,
        application_delete;
api_handler_fn event_type_list, event_type_create, event_type_get, event_type_put, event_type_patch, event_type_delete;
api_handler_fn endpoint_list, endpoint_create, endpoint_get, endpoint_put, endpoint_patch, endpoint_delete;
api_handler_fn endpoint_headers_get, endpoint_headers_put, endpoint_headers_patch;
api_handler_fn endpoint_secret_get, endpoint_secret_rotate, endpoint_stats, endpoint_rate_status;
api_handler_fn endpoint_oauth_get, endpoint_oauth_put, endpoint_oauth_delete, endpoint_oauth_look;
api_handler_fn endpoint_transformation_get, endpoint_transformation_patch, endpoint_transformation_simulate;
api_handler_fn endpoint_ca_get, endpoint_ca_put;
api_handler_fn endpoint_mtls_get, endpoint_mtls_put, endpoint_mtls_delete, endpoint_mtls_look;
api_handler_fn message_list, message_get, message_raw, message_sent_body, message_expunge, message_endpoints,
        endpoint_messages;
api_handler_fn application_attempt_stats, application_count_active, stats_app_attempts, stats_endpoint_count;
api_handler_fn stats_usage_apps, stats_usage_event_types;
api_handler_fn stats_timeline, message_search, message_precheck, message_test_attempt, attempts_count;
api_handler_fn attempts_of_app, attempts_of_endpoint, attempts_of_message, attempt_get, attempt_headers,
        attempt_expunge;
api_handler_fn message_resend, endpoint_recover, endpoint_send_example;
api_handler_fn endpoint_bulk_replay, endpoint_replay_missing, endpoint_cancel_messages;
api_handler_fn message_broadcast, message_bulk_expunge, message_expunge_all;
api_handler_fn background_task_list, background_task_get, background_task_cancel;
api_handler_fn profile_list, profile_create, profile_get, profile_put, profile_delete, profile_preview;
api_handler_fn provider_list;
api_handler_fn filter_test;
api_handler_fn settings_egress, health_report, health_ping, whoami;
api_handler_fn portal_access, portal_expire_all, portal_logout, portal_exchange_key;
api_handler_fn openapi_get, reference_get;
api_handler_fn event_type_retry_get, event_type_retry_put;
api_handler_fn event_type_import_openapi, event_type_export_openapi;
api_handler_fn environment_export, environment_import;
api_handler_fn env_settings_get, env_settings_put, env_settings_patch, env_settings_of_portal;
api_handler_fn environment_list, environment_create, environment_get, environment_put, environment_delete;
api_handler_fn api_token_list, api_token_create, api_token_get, api_token_put, api_token_patch, api_token_expire;
api_handler_fn automation_list, automation_create, automation_get, automation_put, automation_delete,
        automation_publish, automation_pause, automation_resume, automation_versions, automation_test,
        automation_preview, automation_publish, automation_pause, automation_resume, automation_versions,
        automation_preview, automation_run_list, automation_run_get, automation_run_cancel, automation_run_retry;
api_handler_fn integration_list, integration_create, integration_get, integration_put, integration_delete,
        integration_rotate, integration_key_get;
api_handler_fn poller_poll, poller_consumer_poll, poller_consumer_seek, polling_consumer_poll, polling_consumer_commit;
api_handler_fn poller_token_get, poller_token_rotate, message_events, operational_events;
api_handler_fn api_key_list, api_key_create, api_key_revoke;
api_handler_fn console_session_create, console_session_portal, console_session_get, console_session_delete,
        console_session_list, console_session_end, console_session_confirm, console_link_get, console_link_use,
        console_password_forgot, console_password_put;
api_handler_fn console_member_list, console_member_create, console_member_put, console_member_delete;
api_handler_fn console_totp_create, console_totp_put, console_totp_delete;
api_handler_fn console_user_list, console_user_create, console_user_link, console_user_disable, console_user_enable,
        console_user_delete;
api_handler_fn record_type_list, record_type_create, record_type_get, record_type_put, record_type_delete,
        record_type_list_app;
api_handler_fn source_list, source_create, source_get, source_put, source_patch, source_delete, source_token_rotate,
        source_url_get, source_log_list, source_receive, inbound_url_rotate, inbound_url_get, inbound_receive;
api_handler_fn trigger_receive, trigger_get, trigger_request_list, trigger_request_get, trigger_rotate_url;
api_handler_fn automation_sample_list, automation_sample_use, automation_variable_list;
api_handler_fn application_settings_get, application_settings_patch;
api_handler_fn record_list, record_create, record_get, record_put, record_patch, record_delete, record_history,
        record_run_list, record_tag_add, record_tag_remove, record_import, record_import_get, record_import_cancel;
api_handler_fn live_app, live_env, audit_log_list, console_system;

#endif
