using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Declarations;

/// <summary>Chat templates (Jinja) that are known by name, written after the public descriptions of the formats.</summary>
/// <remarks>They are read with <c>trim_blocks</c>: a line break right after a <c>%}</c> does not count.</remarks>
internal static class BuiltInTemplates
{
    /// <summary>Stands for the most frequent of the models' templates.</summary>
    public const string Auto = "auto";

    private const int ShortestTemplate = 20;

    private static readonly Dictionary<string, string> Templates = new(StringComparer.Ordinal)
    {
        // Taori et al. 2023, "Stanford Alpaca": headings before instruction and response.
        ["alpaca"] = """
            {{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] | trim }}

            {% elif message['role'] == 'user' %}### Instruction:
            {{ message['content'] | trim }}

            {% else %}### Response:
            {{ message['content'] | trim }}{{ eos_token }}

            {% endif %}{% endfor %}{% if add_generation_prompt %}### Response:
            {% endif %}
            """,

        // OpenAI's "Chat Markup Language": every message between <|im_start|>role and <|im_end|>.
        ["chatml"] = """
            {% for message in messages %}<|im_start|>{{ message['role'] }}
            {{ message['content'] }}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """,

        // LG AI Research, EXAONE 3 model card: [|role|] and [|endofturn|], none after the user's turns.
        ["exaone"] = """
            {% if messages and messages[0]['role'] != 'system' %}[|system|][|endofturn|]
            {% endif %}{% for message in messages %}[|{{ message['role'] }}|]{{ message['content'] }}{{ '' if message['role'] == 'user' else '[|endofturn|]' }}
            {% endfor %}{% if add_generation_prompt %}[|assistant|]{% endif %}
            """,

        // Meta, "Llama 3: model cards and prompt formats": headers with the role, <|eot_id|> after each message.
        ["llama3"] = """
            {{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>

            {{ message['content'] | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

            {% endif %}
            """,

        // Mistral AI, "Mistral 7B Instruct": [INST] … [/INST] around the user's turns, the system message before the first of them.
        ["mistral"] = """
            {{ bos_token }}{% set pending = namespace(system='') %}{% for message in messages %}{% if message['role'] == 'system' %}{% set pending.system = message['content'] %}{% elif message['role'] == 'user' %}[INST] {% if pending.system %}{{ pending.system }}

            {% set pending.system = '' %}{% endif %}{{ message['content'] }} [/INST]{% else %} {{ message['content'] | trim }}{{ eos_token }}{% endif %}{% endfor %}
            """,
    };

    /// <summary>The names.</summary>
    public static IReadOnlyCollection<string> Names => Templates.Keys;

    /// <summary>What is wrong with a declared template; <see langword="null"/>: nothing.</summary>
    public static string? Fault(string text) =>
        text == Auto || Find(text) is not null || (text.Length >= ShortestTemplate && text.Contains('{', StringComparison.Ordinal))
            ? null
            : $"'{text}' is no chat template: {Auto} (the most frequent of the models'), a name ({string.Join(", ", Names)}), or Jinja "
            + "text."
                + (Suggestion.Closest(text, Names.Append(Auto)) is { } closest ? $" Did you mean '{closest}'?" : "");

    /// <summary>A template by name; <see langword="null"/> where there is none.</summary>
    public static string? Find(string name) => Templates.GetValueOrDefault(name);
}
