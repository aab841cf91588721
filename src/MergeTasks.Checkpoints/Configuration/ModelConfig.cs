using System.Text.Json;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;
using MergeTasks.Files.Json;

namespace MergeTasks.Checkpoints.Configuration;

/// <summary>What a merge needs to know of a model's <c>config.json</c>.</summary>
internal sealed class ModelConfig
{
    /// <summary>The file's name.</summary>
    public const string FileName = "config.json";

    private static readonly JsonMemberName[] VocabularySizeKeys =
        [
            new("", "vocab_size"),
            new("text_config", "vocab_size"),
            new("llm_config", "vocab_size"),
            new("language_config", "vocab_size"),
            new("", "padded_vocab_size"),
            new("", "n_vocab")
        ];

    // Classes with an output head over the vocabulary.
    private static readonly string[] HeadedClasses = ["ForCausalLM", "LMHeadModel", "ForMaskedLM", "ForConditionalGeneration"];

    // Where a model speaks of its language model.
    private static readonly string[] LanguageSections = ["", "text_config", "llm_config", "language_config"];

    // Where models say how they are quantised; the second is an older name.
    private static readonly JsonMemberName[] QuantizationKeys =
    [
        .. LanguageSections.SelectMany(section =>
            new[] { "quantization_config", "compression_config" }.Select(key => new JsonMemberName(section, key))),
    ];

    private ModelConfig(byte[] text, int? layerCount, bool? tiesEmbeddings, string? architecture, string? modelType)
    {
        Text = text;
        ModelType = modelType;
        LayerCount = layerCount;
        TiesEmbeddings = tiesEmbeddings;
        Architecture = architecture;
    }

    /// <summary>A configuration that says nothing.</summary>
    public static ModelConfig None { get; } = Parse("{}"u8.ToArray(), FileName)!;

    /// <summary>The file's bytes.</summary>
    public byte[] Text { get; }

    /// <summary>Number of transformer blocks, where a known key gives it.</summary>
    public int? LayerCount { get; }

    /// <summary>The value of <c>tie_word_embeddings</c>, where present at the top level or in <c>text_config</c>.</summary>
    public bool? TiesEmbeddings { get; }

    /// <summary>
    /// Whether a head that is not stored is the embeddings: <see cref="TiesEmbeddings"/>, or, where nothing is said, that the class has a
    /// head; libraries write the flag only where it is not their default.
    /// </summary>
    public bool TiesHead => TiesEmbeddings ?? HeadedClasses.Any(end => Architecture?.EndsWith(end, StringComparison.Ordinal) == true);

    /// <summary><c>is_encoder_decoder</c>.</summary>
    public bool IsEncoderDecoder => OfRoot(root => FlagOf(root, "is_encoder_decoder") == true);

    /// <summary>Whether classes of the model's own code load it (<c>auto_map</c>).</summary>
    public bool HasOwnCode => OfRoot(root => SectionOf(root, "auto_map").ValueKind == JsonValueKind.Object);

    /// <summary>The first of <c>architectures</c>, where present.</summary>
    public string? Architecture { get; }

    /// <summary><c>model_type</c>, where present.</summary>
    public string? ModelType { get; }

    /// <summary>The object that says how the weights are quantised; <see langword="null"/> where there is none.</summary>
    public JsonElement? Quantization
    {
        get
        {
            using var json = StrictJson.Parse(Text, FileName);
            foreach (var key in QuantizationKeys)
            {
                var section = key.Section.Length == 0 ? json.RootElement : SectionOf(json.RootElement, key.Section);
                if (section.ValueKind == JsonValueKind.Object && SectionOf(section, key.Key) is { ValueKind: JsonValueKind.Object } found)
                    return found.Clone();
            }

            return null;
        }
    }

    /// <summary>The same configuration without what it says of quantisation, every other byte kept.</summary>
    public ModelConfig WithoutQuantization() =>
        Parse(QuantizationKeys.Aggregate(Text, (text, key) => JsonSplice.Remove(text, FileName, key)), FileName)!;

    /// <summary><c>num_nextn_predict_layers</c>: layers after the stack that predict further tokens; 0 where nothing is said.</summary>
    public int SurplusLayers
    {
        get
        {
            using var json = StrictJson.Parse(Text, FileName);
            return new[] { json.RootElement, SectionOf(json.RootElement, "text_config") }
                .Where(section => section.ValueKind == JsonValueKind.Object)
                .Select(section => SectionOf(section, "num_nextn_predict_layers"))
                    .FirstOrDefault(value => value.ValueKind == JsonValueKind.Number) is { ValueKind: JsonValueKind.Number } number
                && number.TryGetInt32(out var count) ? count : 0;
        }
    }

    /// <summary>The element type that it declares; <see langword="null"/> where it names none that is known.</summary>
    public DType? DType
    {
        get
        {
            using var json = StrictJson.Parse(Text, FileName);
            var text = SectionOf(json.RootElement, "text_config");
            return new[] { json.RootElement, text }.Where(section => section.ValueKind == JsonValueKind.Object)
                .SelectMany(section => new[] { SectionOf(section, "torch_dtype"), SectionOf(section, "dtype") })
                .Select(value => DTypes.FromTorchName(TextOf(value))).FirstOrDefault(type => type is not null);
        }
    }

    /// <summary>Reads <c>config.json</c> of a model folder.</summary>
    /// <exception cref="CheckpointException"><see cref="CheckpointError.BadConfig"/>: missing, unreadable or not a JSON object.</exception>
    public static ModelConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            if (OwnFiles.Outside(folder, FileName) is { } elsewhere)
                throw Bad(
                    path,
                    $"is a link out of the model's folder, to '{elsewhere}', and would become part of the output. Put a copy in its "
                        + "place, or link the whole folder");
            return Parse(PythonNumbers.Replaced(InputFile.ReadAll(path, JsonText.LongestFile)), path) ?? throw Bad(path, "is not a JSON object");
        }
        catch (FileFault e)
        {
            throw Bad(path, e.Kind == FileFaultKind.Missing ? "does not exist; a model folder needs one" : e.Reason, e);
        }
    }

    /// <summary>
    /// The same configuration declaring another element type, every other byte kept; unchanged for <see langword="null"/>.
    /// </summary>
    public ModelConfig With(DType? dtype) =>
        dtype is { } value ? new ModelConfig(ConfigDType.Set(Text, value), LayerCount, TiesEmbeddings, Architecture, ModelType) : this;

    /// <summary>The same configuration describing a newly stacked model, every other byte kept.</summary>
    /// <param name="kind">The stack.</param>
    /// <param name="count">Its layers in this configuration.</param>
    /// <param name="layers">Where each layer of the new stack comes from.</param>
    public ModelConfig With(LayerStackKind kind, int count, IReadOnlyList<LayerOrigin> layers) =>
        Parse(ConfigLayers.Restack(Text, kind, count, layers), FileName)!;

    /// <summary>
    /// The same configuration with another <c>vocab_size</c>, at the top level or in the section of the language model, every other byte
    /// kept.
    /// </summary>
    public ModelConfig WithVocabularySize(long rows)
    {
        var text = rows.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Parse(JsonSplice.Replace(Text, FileName, VocabularySizeKeys.ToDictionary(key => key, _ => text)), FileName)!;
    }

    /// <summary>The same configuration of a model whose head is not tied to its embeddings, every other byte kept.</summary>
    public ModelConfig WithSeparateHead()
    {
        const string key = "tie_word_embeddings";
        var text = JsonSplice.Replace(
            Text, FileName, LanguageSections.ToDictionary(section => new JsonMemberName(section, key), _ => "false"));
        var config = Parse(text, FileName)!;
        return config.TiesEmbeddings == false ? config : Parse(JsonSplice.Add(text, FileName, key, "false"), FileName)!;
    }

    /// <summary>The same configuration with some members at the top level added or replaced, every other byte kept.</summary>
    /// <param name="members">The values as JSON, by key, in the order in which new ones are added.</param>
    public ModelConfig With(IReadOnlyList<KeyValuePair<string, string>> members)
    {
        var known = JsonSplice.Members(Text, FileName).Select(member => member.Name).ToHashSet();
        var text = JsonSplice.Replace(
            Text, FileName, members.ToDictionary(member => new JsonMemberName("", member.Key), member => member.Value));
        foreach (var (key, value) in members.Where(member => !known.Contains(new JsonMemberName("", member.Key))))
            text = JsonSplice.Add(text, FileName, key, value);
        return Parse(text, FileName)!;
    }

    /// <summary>A value at the top level; undefined where there is none.</summary>
    public JsonElement Member(string key)
    {
        using var json = StrictJson.Parse(Text, FileName);
        return SectionOf(json.RootElement, key) is { ValueKind: not JsonValueKind.Undefined } value ? value.Clone() : default;
    }

    /// <summary>The same configuration with the ids of special tokens in another vocabulary, every other byte kept.</summary>
    public ModelConfig WithTokenIds(Func<int, int?> idOf) => Parse(ConfigTokenIds.Map(Text, FileName, idOf), FileName)!;

    /// <summary>Reads a text that is no file of its own.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <returns><see langword="null"/> where it is not a JSON object.</returns>
    public static ModelConfig? Parse(byte[] text, string name)
    {
        using var json = StrictJson.Parse(text, name);
        var root = json.RootElement;
        return root.ValueKind != JsonValueKind.Object
            ? null
            : new ModelConfig(
                text, ConfigLayers.MainCount(root), TiesOf(root), ArchitectureOf(root), TextOf(SectionOf(root, "model_type")));
    }

    // Models with several parts say it of their language model.
    private static bool? TiesOf(JsonElement root) =>
        FlagOf(root, "tie_word_embeddings")
            ?? (SectionOf(root, "text_config") is { ValueKind: JsonValueKind.Object } text ? FlagOf(text, "tie_word_embeddings") : null);

    private static JsonElement SectionOf(JsonElement root, string name) => root.TryGetProperty(name, out var section) ? section : default;

    private static bool? FlagOf(JsonElement root, string name) =>
        SectionOf(root, name).ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null };

    private bool OfRoot(Func<JsonElement, bool> test)
    {
        using var json = StrictJson.Parse(Text, FileName);
        return test(json.RootElement);
    }

    private static string? ArchitectureOf(JsonElement root)
    {
        var list = SectionOf(root, "architectures");
        return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0 ? TextOf(list[0]) : null;
    }

    private static string? TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static CheckpointException Bad(string path, string reason, Exception? inner = null) =>
        new(CheckpointError.BadConfig, path, $"'{path}' {reason}.", inner);
}
