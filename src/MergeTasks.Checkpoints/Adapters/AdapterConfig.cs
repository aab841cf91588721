using System.Text.Json;
using System.Text.RegularExpressions;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Adapters;

/// <summary>
/// What <c>adapter_config.json</c> of a LoRA adapter says (as the PEFT library writes it): ranks and scales of the modules. Other kinds of
/// adapters, and options that change what the adapter computes, are refused by name.
/// </summary>
internal sealed partial class AdapterConfig
{
    /// <summary>The file's name.</summary>
    public const string FileName = "adapter_config.json";

    private const string SupportedKind = "LORA";
    private const string TokensKind = "TRAINABLE_TOKENS";
    private const int MostTokens = 1 << 24;

    // Several times the longest name of a module; what is made of a pattern takes kilobytes for each of its characters.
    private const int LongestPattern = 1000;
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    // Options that make an adapter something else than W + s·B·A.
    private static readonly (string Key, string Meaning)[] RefusedOptions =
    [
        ("use_dora", "DoRA: the change depends on the norms of the base's columns"),
        ("use_qalora", "QA-LoRA: inputs are pooled in groups"),
        ("layer_replication", "layers used several times"),
        ("alora_invocation_tokens", "activated LoRA: it takes effect only after certain tokens"),
        ("arrow_config", "Arrow routing between several adapters"),
        ("use_bdlora", "BD-LoRA: block-diagonal factors"),
        ("kasa_config", "KaSA: the base's small singular values are removed"),
        ("monteclora_config", "MonteCLoRA: factors with noise"),
    ];

    // Ways to initialise that leave the base's weights as they are; the others (PiSSA, OLoRA, LoftQ, …) subtract something from them.
    private static readonly string[] HarmlessInitializations = ["gaussian", "eva", "orthogonal"];

    // Since then stacks of experts that are stored [experts, out, in] have their factors the right way round.
    private static readonly Version FirstSwapping = new(0, 18, 2);

    // Before, ensure_weight_tying was for whole modules.
    private static readonly Version FirstTyingFactors = new(0, 19);

    private readonly List<(string? Module, int[] Tokens)> _tokens;
    private readonly List<(Regex Pattern, double Value)> _ranks;
    private readonly List<(Regex Pattern, double Value)> _alphas;

    private AdapterConfig(string path, JsonElement json)
    {
        Path = path;
        CheckKind(path, json);
        BaseModel = json.TryGetProperty("base_model_name_or_path", out var baseModel) && baseModel.ValueKind == JsonValueKind.String
            ? baseModel.GetString()
            : null;
        Task = Text(json, "task_type");
        AutoMapping = json.TryGetProperty("auto_mapping", out var mapping)
            && mapping.ValueKind == JsonValueKind.Object
            && Text(mapping, "base_model_class") is { } type
            && Text(mapping, "parent_library") is { } library
            ? (type, library) : null;
        Rank = Number(json, "r", 8);
        Alpha = Number(json, "lora_alpha", 8);
        IsRankStabilized = json.TryGetProperty("use_rslora", out var stabilized) && stabilized.ValueKind == JsonValueKind.True;
        IsTransposed = json.TryGetProperty("fan_in_fan_out", out var transposed) && transposed.ValueKind == JsonValueKind.True;
        KeepsTies = json.TryGetProperty("ensure_weight_tying", out var tied) && tied.ValueKind == JsonValueKind.True;
        var made = Text(json, "peft_version") is { } text && Version.TryParse(Release().Match(text).Value, out var version)
            ? version
            : null;
        SwapsExperts = made >= FirstSwapping;
        KeepsTiesOfFactors = KeepsTies && (made is null || made >= FirstTyingFactors);
        TargetParameters = [.. Texts(json, "target_parameters")];
        _tokens = Tokens(json);
        _ranks = Patterns(json, "rank_pattern");
        _alphas = Patterns(json, "alpha_pattern");
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary><c>base_model_name_or_path</c>, where present.</summary>
    public string? BaseModel { get; }

    /// <summary><c>task_type</c>, where present.</summary>
    public string? Task { get; }

    /// <summary><c>auto_mapping</c>: the base's class and the Python module that has it, where present.</summary>
    public (string Class, string Library)? AutoMapping { get; }

    /// <summary><c>r</c>: the rank of modules that no pattern names.</summary>
    public double Rank { get; }

    /// <summary><c>lora_alpha</c>: the numerator of the scale of modules that no pattern names.</summary>
    public double Alpha { get; }

    /// <summary>
    /// <c>use_rslora</c>: whether scales are α/√r (Kalajdzievski 2023, arXiv 2312.03732) and not α/r (Hu et al. 2021, arXiv 2106.09685).
    /// </summary>
    public bool IsRankStabilized { get; }

    /// <summary><c>fan_in_fan_out</c>: whether the base stores its weights as [in, out].</summary>
    public bool IsTransposed { get; }

    /// <summary>
    /// <c>ensure_weight_tying</c>: whether embeddings and head of a tied model were trained as one, so that what is said of the one holds
    /// for both.
    /// </summary>
    public bool KeepsTies { get; }

    /// <summary>Whether that holds for factors too, and not for whole modules alone.</summary>
    public bool KeepsTiesOfFactors { get; }

    /// <summary>Whether the library that wrote it takes square experts for [experts, out, in] unless their class says otherwise.</summary>
    public bool SwapsExperts { get; }

    /// <summary><c>target_parameters</c>: ends of the names of parameters that have factors although they are no module's weight.</summary>
    public IReadOnlyList<string> TargetParameters { get; }

    /// <summary>
    /// The tokens whose rows of a table were trained (<c>trainable_token_indices</c>, or <c>token_indices</c> of an adapter of tokens
    /// alone), in the order of the rows; <see langword="null"/> where nothing is said of the table.
    /// </summary>
    /// <param name="module">The table's module.</param>
    public IReadOnlyList<int>? TokensOf(string module) =>
        _tokens.Find(entry =>
            entry.Module is null || module == entry.Module || module.EndsWith("." + entry.Module, StringComparison.Ordinal)).Tokens;

    /// <summary>Whether a folder is an adapter and not a model.</summary>
    public static bool IsIn(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, FileName)) && WeightFiles.List(folder).Count == 0;

    /// <summary>Reads the configuration of an adapter's folder.</summary>
    /// <exception cref="CheckpointException">
    /// <see cref="CheckpointError.BadAdapter"/>: missing or malformed. <see cref="CheckpointError.RefusedAdapter"/>: no plain LoRA.
    /// </exception>
    public static AdapterConfig Read(string folder)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        try
        {
            using var json = StrictJson.Read(path);
            return Of(path, json.RootElement);
        }
        catch (FileFault e)
        {
            throw Bad(path, e.Kind == FileFaultKind.Missing ? "does not exist; the folder of an adapter needs one" : e.Reason, e);
        }
    }

    /// <summary>Reads a configuration that lies in no file yet.</summary>
    /// <param name="path">Where it will lie.</param>
    /// <param name="text">Its bytes.</param>
    /// <exception cref="CheckpointException">As of <see cref="Read"/>.</exception>
    public static AdapterConfig Parse(string path, byte[] text)
    {
        using var json = StrictJson.Parse(text, path);
        return Of(path, json.RootElement);
    }

    private static AdapterConfig Of(string path, JsonElement root) => root.ValueKind == JsonValueKind.Object
        ? new AdapterConfig(path, root)
        : throw Bad(path, "is not a JSON object");

    /// <summary>The rank that a module should have.</summary>
    public double RankOf(string module) => Match(_ranks, module) ?? Rank;

    /// <summary>The scale s of a module's change s·B·A.</summary>
    /// <param name="module">The module's name.</param>
    /// <param name="rank">Its rank.</param>
    public double ScaleOf(string module, long rank) => (Match(_alphas, module) ?? Alpha) / (IsRankStabilized ? Math.Sqrt(rank) : rank);

    private static void CheckKind(string path, JsonElement json)
    {
        var kind = json.TryGetProperty("peft_type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : "";
        if (kind.Length == 0)
            throw Bad(path, "has no 'peft_type'");
        if (!kind.Equals(SupportedKind, StringComparison.OrdinalIgnoreCase) && !kind.Equals(TokensKind, StringComparison.OrdinalIgnoreCase))
            throw Refused(path, $"is of the kind '{kind}'");
        foreach (var (key, meaning) in RefusedOptions)
        {
            if (json.TryGetProperty(key, out var value) && IsSet(value))
                throw Refused(path, $"sets '{key}' ({meaning})");
        }

        if (json.TryGetProperty("init_lora_weights", out var start)
            && start.ValueKind == JsonValueKind.String
            && !HarmlessInitializations.Contains(start.GetString()))
            throw Refused(
                path,
                $"was begun with 'init_lora_weights': '{start.GetString()}', which changes the base's weights too (convert it to a plain "
                    + "LoRA when saving)");
    }

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        _ => true,
    };

    // The release that a version says: 0.18.2.dev0@abc, 0.18.2rc1 and 0.18.2.post1 are of 0.18.2.
    [GeneratedRegex(@"\A[0-9]{1,6}(\.[0-9]{1,6}){1,2}", RegexOptions.CultureInvariant)]
    private static partial Regex Release();

    private static string? Text(JsonElement json, string key) =>
        json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static IEnumerable<string> Texts(JsonElement json, string key) =>
        !json.TryGetProperty(key, out var list) ? []
        : list.ValueKind == JsonValueKind.String ? [list.GetString()!]
        : list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.String).Select(entry => entry.GetString()!)
            : [];

    // A list for the embeddings, or a list for each table.
    private List<(string? Module, int[] Tokens)> Tokens(JsonElement json)
    {
        foreach (var key in new[] { "trainable_token_indices", "token_indices" })
        {
            if (!json.TryGetProperty(key, out var value) || !IsSet(value))
                continue;
            return value.ValueKind == JsonValueKind.Object
                ? [.. value.EnumerateObject().Select(entry => ((string?)entry.Name, List(key, entry.Value)))]
                : [(null, List(key, value))];
        }

        return [];

        int[] List(string key, JsonElement list)
        {
            if (list.ValueKind != JsonValueKind.Array)
                throw Bad(Path, $"has '{key}' that is no list of tokens");
            var tokens = list.EnumerateArray()
                .Select(entry =>
                    entry.ValueKind == JsonValueKind.Number && entry.TryGetInt32(out var token) && token is >= 0 and < MostTokens
                        ? token
                        : throw Bad(Path, $"has {Files.MessageText.Shown(entry.GetRawText(), 40)} in '{key}', which is no token's number"))
                .ToArray();
            return tokens.Distinct().Count() == tokens.Length ? tokens : throw Bad(Path, $"names a token twice in '{key}'");
        }
    }

    private double Number(JsonElement json, string key, double missing)
    {
        if (!json.TryGetProperty(key, out var value))
            return missing;
        return Positive(value) ?? throw Bad(Path, $"has '{key}': {value.GetRawText()}, which is no positive number");
    }

    private List<(Regex, double)> Patterns(JsonElement json, string key)
    {
        var patterns = new List<(Regex, double)>();
        if (!json.TryGetProperty(key, out var map) || map.ValueKind == JsonValueKind.Null)
            return patterns;
        if (map.ValueKind != JsonValueKind.Object)
            throw Bad(Path, $"has a '{key}' that is not an object");
        foreach (var entry in map.EnumerateObject())
        {
            var value = Positive(entry.Value)
                ?? throw Bad(Path, $"has the value {entry.Value.GetRawText()} in '{key}', which is no positive number");
            if (entry.Name.Length > LongestPattern)
                throw Bad(Path, $"has a pattern of {entry.Name.Length} characters in '{key}'; at most {LongestPattern} are read");
            try
            {
                // A pattern stands for the whole name, or for all of it after some dot.
                patterns.Add(
                    (new Regex($@"\A(?:.*\.)?(?:{entry.Name.TrimStart('^')})\z", RegexOptions.CultureInvariant, PatternTimeout), value));
            }
            catch (ArgumentException e)
            {
                throw Bad(Path, $"has '{entry.Name}' in '{key}', which is no valid pattern ({e.Message})", e);
            }
        }

        return patterns;
    }

    private double? Match(List<(Regex Pattern, double Value)> patterns, string module)
    {
        try
        {
            foreach (var (pattern, value) in patterns)
            {
                if (pattern.IsMatch(module))
                    return value;
            }

            return null;
        }
        catch (RegexMatchTimeoutException e)
        {
            throw Bad(Path, $"has the pattern '{e.Pattern}', which takes too long to match", e);
        }
    }

    private static double? Positive(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && number > 0 && double.IsFinite(number) ? number : null;

    private static CheckpointException Bad(string path, string reason, Exception? inner = null) =>
        new(CheckpointError.BadAdapter, path, $"'{path}' {reason}.", inner);

    private static CheckpointException Refused(string path, string reason) =>
        new(
            CheckpointError.RefusedAdapter,
            path,
            $"The adapter '{path}' {reason}; only plain LoRA adapters (W + s·B·A) are supported. Merge it into its model with the "
                + "library that made it.");
}
