//! Every hostile guest in JavaScript and Python: the tests have one of each name, and the guests know just these.

/// Calls `$with!` with the names: of those in both languages, which must come to the same, and of those that only one
/// language can play.
macro_rules! scripts {
    ($with:ident) => {
        $with! {
            both {
                // processor
                spin,
                spin_in_regex,
                spin_in_generator,
                spin_in_sort,
                spin_in_initialize,
                spin_in_list_tools,
                spin_in_health_check,
                spin_in_describe,
                sleep_past_deadline,
                wait_for_upstream,
                ignore_cancellation,
                burn_fuel,
                endless_recursion,
                // memory
                allocate,
                grow_text,
                many_objects,
                go_on_without_memory,
                hoard_handles,
                // output
                huge_result,
                huge_error,
                huge_exception,
                progress_flood,
                huge_progress,
                not_a_number_progress,
                log_flood,
                print_flood,
                log_control_characters,
                not_a_number_result,
                cyclic_result,
                lone_surrogates,
                no_json_result,
                deep_json_result,
                media_flood,
                // contract
                throw_in_call,
                throw_odd,
                throw_in_initialize,
                throw_in_list_tools,
                throw_in_health_check,
                ten_thousand_tools,
                duplicate_tool_names,
                bad_tool_names,
                huge_plan,
                schema_too_deep,
                remember,
                pollute,
                input_required_for_ever,
                huge_question,
                traps_always,
                // egress
                other_host,
                other_port,
                other_scheme,
                other_method,
                path_escape,
                metadata_address,
                numeric_hosts,
                user_info,
                redirect_to_metadata,
                denied_uncaught,
                own_headers,
                override_headers,
                header_smuggling,
                raw_request,
                request_flood,
                parallel_flood,
                rate_flood,
                huge_request_body,
                endless_answer,
                dead_upstream,
                // secrets
                own_credentials,
                exfiltrate_by_echo,
                exfiltrate_by_error,
                exfiltrate_by_log,
                // reach
                peek,
                open_socket,
                evaluate,
                draw,
                draw_in_describe,
                clock,
            }
            javascript {
                spin_in_microtasks,
                wait_for_nothing,
                many_timers,
                unhandled_rejection,
                late_rejection,
                native_fetch,
                atomics_wait,
            }
            python {
                unbounded_recursion,
                leave,
                start_process,
                hash_seed,
            }
        }
    };
}
