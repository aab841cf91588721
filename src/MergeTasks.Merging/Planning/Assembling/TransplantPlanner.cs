using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>
/// Puts another model's tokenizer on a model (https://github.com/arcee-ai/mergekit/blob/main/docs/tokensurgeon.md): rows of tokens that
/// both have stay, in their new order, and rows of the others are made.
/// </summary>
/// <param name="merge">The declaration.</param>
/// <param name="model">The model that gets the tokenizer.</param>
/// <param name="giver">The model whose tokenizer it is.</param>
/// <param name="threads">Threads that make rows.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class TransplantPlanner(
    MergeDeclaration merge, OpenModel model, OpenModel giver, int threads, CancellationToken cancellation)
{
    private const string GenerationConfig = "generation_config.json";

    private static readonly string[] SpecialIds = ["bos_token_id", "eos_token_id", "pad_token_id"];

    /// <summary>The model with the other's tokenizer.</summary>
    /// <exception cref="DiagnosticException">Tokenizers or tables are missing or do not fit.</exception>
    public OpenModel Plan()
    {
        var (own, other) = (VocabularyOf(model), VocabularyOf(giver));
        var (ownRows, theirRows) = (RowsOf(model), RowsOf(giver));
        var matching = new TokenMatching(own.Bytes, ownRows, other.Vocabulary, other.Bytes, merge.Transplant!);
        if (matching.Rows > theirRows)
            throw merge.Fault(
                DiagnosticCode.BadTokenizer,
                $"'{giver.Declaration.Label}' has {theirRows} embedding rows, but its tokenizer gives "
                    + $"{VocabularyDifference.Shown(other.Vocabulary.Ordered[^1].Key)} the id {matching.Rows - 1}.",
                giver.Declaration.Location);
        var trained = new Lazy<(bool[], bool[])>(() => (Trained(model, own.Vocabulary), Trained(giver, other.Vocabulary)));
        var tensors = model.Input.Names
            .Where(name => VocabularyTensors.Is(model.Input, name, ownRows))
            .ToDictionary(name => name, name => Transplanted(name, matching, trained, own, other));
        var idOf = IdOf(own.Vocabulary, other.Vocabulary, matching.Match(VocabularyTables.Embeddings).Found);
        return model with
        {
            Input = new AssembledInput(
                model.Input,
                model.Input.Config.WithVocabularySize(matching.Rows).WithTokenIds(idOf),
                _ => false,
                tensors,
                FilesOf(idOf)),
        };
    }

    // A model's own special tokens in the other vocabulary: the same token, else what the other model has in that place.
    private Func<int, int?> IdOf(ModelVocabulary own, ModelVocabulary other, int[] found)
    {
        var moved = new Dictionary<int, int>();
        for (var id = found.Length - 1; id >= 0; id--)
        {
            if (found[id] >= 0)
                moved[found[id]] = id;
        }

        foreach (var (token, id) in own.Ordered)
        {
            if (other.Ids.TryGetValue(token, out var same))
                moved[id] = same;
        }

        foreach (var key in SpecialIds)
        {
            if (SpecialId(model, key) is { } id && SpecialId(giver, key) is { } theirs)
                moved.TryAdd(id, theirs);
        }

        return id => moved.TryGetValue(id, out var place) ? place : null;
    }

    private static int? SpecialId(OpenModel of, string key)
    {
        var value = of.Input.Config.Member(key);
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0)
            value = value[0];
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) ? id : null;
    }

    private AssembledTensor Transplanted(
        string name,
        TokenMatching matching,
        Lazy<(bool[], bool[])> trained,
        (ModelVocabulary Vocabulary, TokenBytes Bytes, SideFile File) own,
        (ModelVocabulary Vocabulary, TokenBytes Bytes, SideFile File) other)
    {
        var spec = model.Input.Find(name)!;
        var columns = spec.Shape.RowLength();
        var theirs = InGiver(name) ?? throw merge.Fault(
            DiagnosticCode.MissingTensor, $"'{giver.Declaration.Label}' has no tensor '{name}', which rows are compared in.",
            giver.Declaration.Location);
        var settings = SettingsFor(spec);
        var table = TensorNames.IsHead(name) ? VocabularyTables.Head : VocabularyTables.Embeddings;
        var rotations = settings.Approximation == RowApproximation.MatchingPursuitRope && spec.Shape.Count == 2
            ? (RotationOf(model, name), RotationOf(giver, theirs))
            : ((RowRotation, RowRotation)?)null;
        var untrained = settings.LeavesUntrained ? [.. TablesOf(model), .. TablesOf(giver)] : Array.Empty<(ModelInput, string)>();
        var asPlanned = settings.LeavesUntrained ? null : matching.Match(table);
        var text = string.Join('\n', TransplantSettings.Options.Select(option => $"{option.Metadata} {option.Text(settings)}"));
        return new AssembledTensor(
            spec.DType,
            [matching.Rows, .. spec.Shape.Skip(1)],
            DType.F32,
            () =>
            {
                var transplant = asPlanned ?? matching.Match(table, trained.Value);
                return new ReplacedRows(
                    new RowMappedTensor(model.Input.Open(name), new Dictionary<int, TensorContent>(), transplant.Map, columns),
                    () => new RowMaker(settings, transplant, rotations, merge.Seed, threads).Make(new(
                        Table(model.Input, name), Table(giver.Input, theirs), new Pieces(own.File, other.File),
                        table == VocabularyTables.Head, name)),
                    transplant.Missing,
                    columns);
            },
            token => AssembledTensor.Combined(
                $"transplant 2\n{text}\n{(settings.IsRandom ? merge.Seed : 0)}\n{matching.Match(table).Map.Digest}\n{own.File.Digest} "
                    + $"{other.File.Digest} {string.Join(' ', untrained.Select(pair => pair.Item1.Identity(pair.Item2, token)))}",
                [model.Input.Identity(name, token), giver.Input.Identity(theirs, token)]));
    }

    // Of vectors there is nothing to compare: a bias is 0 where none was learnt, or a mean.
    private TransplantSettings SettingsFor(TensorSpec spec)
    {
        var settings = merge.Transplant!;
        return spec.Shape.Count == 2 ? settings
            : settings.Approximation is RowApproximation.Subword or RowApproximation.Mean ? settings with { Noise = 0 }
            : settings with { Approximation = RowApproximation.Zero, Noise = 0 };
    }

    private static TableRows Table(ModelInput input, string name) => new(input.Open(name), input.Find(name)!.Shape);

    private string? InGiver(string name) => new TensorIndex(giver.Input).Find(name);

    // Embeddings, and the head, which is looked at beside them: the model's own, and the other's also where that is its embeddings.
    private List<(ModelInput Input, string Name)> TablesOf(OpenModel of)
    {
        var embeddings = VocabularyTensors.TableOf(of.Input);
        var head = of.Input.Names.FirstOrDefault(name => TensorNames.IsHead(name) && of.Input.Find(name)!.Shape.Count == 2)
            ?? (of == giver && of.Input.Config.TiesHead ? embeddings : null);
        return [.. new[] { embeddings, head }.OfType<string>().Select(name => (of.Input, name))];
    }

    private bool[] Trained(OpenModel of, ModelVocabulary vocabulary)
    {
        var tables = TablesOf(of);
        return TrainedRows.Of(
            vocabulary.Ordered,
            Table(tables[0].Input, tables[0].Name),
            tables.Count == 1 ? null : Table(tables[1].Input, tables[1].Name));
    }

    private RowRotation RotationOf(OpenModel of, string table)
    {
        const string heads = "num_attention_heads", theta = "rope_theta", parameters = "rope_parameters";
        var (config, columns) = (of.Input.Config, of.Input.Find(table)!.Shape[^1]);
        var count = config.Member(heads);
        var written = config.Member(parameters) is { ValueKind: JsonValueKind.Object } inner && inner.TryGetProperty(theta, out var value)
            ? value : config.Member(theta);
        if (count.ValueKind != JsonValueKind.Number || !count.TryGetInt32(out var number) || number < 1 || columns % (2L * number) != 0
            || written.ValueKind != JsonValueKind.Number || written.GetDouble() is not > 0)
            throw merge.Fault(
                DiagnosticCode.InvalidValue,
                $"Approximation=\"mp_rope\" turns rows as rotary positions would, and the configuration of '{of.Declaration.Label}' does not "
                    + $"say how: it wants '{heads}' that divide its {columns} columns into pieces of even length, and '{theta}'. "
                    + "Say Approximation=\"omp\".",
                of.Declaration.Location);
        return new RowRotation(checked((int)columns), number, written.GetDouble());
    }

    private List<SideFile> FilesOf(Func<int, int?> idOf) =>
    [
        .. VocabularyPlanner.WithTokenizerOf(model.Input.SideFiles(cancellation), giver.Input.SideFiles(cancellation))
            .Select(file => file.Name == GenerationConfig
                ? SideFile.Of(file.Name, ConfigTokenIds.Map(file.Read(), file.Source ?? file.Name, idOf))
                : file),
    ];

    private (ModelVocabulary Vocabulary, TokenBytes Bytes, SideFile File) VocabularyOf(OpenModel of)
    {
        if (of.Input.SideFiles(cancellation).FirstOrDefault(file => file.Name == ModelVocabulary.FileName) is not { } file)
            throw merge.Fault(
                DiagnosticCode.BadTokenizer, $"'{of.Declaration.Label}' has no {ModelVocabulary.FileName}.", of.Declaration.Location);
        try
        {
            var text = file.Read();
            var vocabulary = ModelVocabulary.Parse(text);
            return (vocabulary, new TokenBytes(vocabulary, text, TokenizerSettings.Of(of.Input.SideFiles(cancellation)).Roles), file);
        }
        catch (FormatException e)
        {
            throw merge.Fault(
                DiagnosticCode.BadTokenizer,
                $"the {ModelVocabulary.FileName} of '{of.Declaration.Label}' {e.Message}.",
                of.Declaration.Location);
        }
    }

    private int RowsOf(OpenModel of) => VocabularyTensors.RowsOf(of.Input) is { } rows
        ? checked((int)rows)
        : throw merge.Fault(
            DiagnosticCode.BadTokenizer, $"no table of embeddings was found in '{of.Declaration.Label}'.", of.Declaration.Location);
}

/// <summary>Divides another tokenizer's tokens by the model's own.</summary>
/// <param name="own">The model's tokenizer.</param>
/// <param name="other">The other.</param>
internal sealed class Pieces(SideFile own, SideFile other)
{
    private readonly Lazy<(Tokenizer Own, Tokenizer Other)> _tokenizers = new(() =>
        (Tokenizer.Parse(own.Read(), own.Name), Tokenizer.Parse(other.Read(), other.Name)));

    /// <summary>The pieces of one of the other's tokens, at least one where its text is not empty.</summary>
    public int[] Of(int token) => _tokenizers.Value.Own.Encode(
        _tokenizers.Value.Other.Decode([token], skipSpecialTokens: false), addSpecialTokens: false, applyLengthRules: false);
}
