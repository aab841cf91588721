using System.Text.Json;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
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
        var (ownRows, rows) = (RowsOf(model), RowsOf(giver));
        var tokens = other.Vocabulary.Ordered.Where(entry => entry.Value < rows).ToList();
        if (other.Vocabulary.Ordered[^1] is var last && last.Value >= rows)
            throw merge.Fault(
                DiagnosticCode.BadTokenizer,
                $"'{giver.Declaration.Label}' has {rows} embedding rows, but its tokenizer gives "
                    + $"{VocabularyDifference.Shown(last.Key)} the id {last.Value}.",
                giver.Declaration.Location);
        var found = new int[rows];
        Array.Fill(found, -1);
        foreach (var (token, id) in tokens)
        {
            if (found[id] < 0 && own.Bytes.Find(token, other.Bytes) is { } row && row < ownRows)
                found[id] = row;
        }

        var transplant = new Transplant(found, [.. tokens.Select(entry => entry.Value).Where(id => found[id] < 0).Distinct()]);
        var tensors = model.Input.Names
            .Where(name => VocabularyTensors.Is(model.Input, name, ownRows))
            .ToDictionary(name => name, name => Transplanted(name, transplant, own.File, other.File));
        var idOf = IdOf(own.Vocabulary, other.Vocabulary, found);
        return model with
        {
            Input = new AssembledInput(
                model.Input,
                model.Input.Config.WithVocabularySize(rows).WithTokenIds(idOf),
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

    private AssembledTensor Transplanted(string name, Transplant transplant, SideFile ownFile, SideFile otherFile)
    {
        var spec = model.Input.Find(name)!;
        var columns = spec.Shape.RowLength();
        var settings = merge.Transplant!;
        var needsGiver = settings.Approximation is RowApproximation.Omp or RowApproximation.CommonInterpolation;
        if (needsGiver && spec.Shape.Count != 2)
            settings = settings with { Approximation = RowApproximation.Zero };
        var theirs = new TensorIndex(giver.Input).Find(name)
            ?? throw merge.Fault(
                DiagnosticCode.MissingTensor, $"'{giver.Declaration.Label}' has no tensor '{name}', which rows are compared in.",
                giver.Declaration.Location);
        var approximation = new RowMaker(settings, transplant, threads);
        return new AssembledTensor(
            spec.DType,
            [transplant.Found.Length, .. spec.Shape.Skip(1)],
            DType.F32,
            () => new ReplacedRows(
                new RowMappedTensor(model.Input.Open(name), new Dictionary<int, TensorContent>(), transplant.Map, columns),
                () => approximation.Make(
                    new TableRows(model.Input.Open(name), spec.Shape),
                    new TableRows(giver.Input.Open(theirs), giver.Input.Find(theirs)!.Shape),
                    new Pieces(ownFile, otherFile)),
                transplant.Missing,
                columns),
            token => AssembledTensor.Combined(
                $"transplant 1\n{settings.Approximation} {settings.Tokens}\n{transplant.Map.Digest}\n{ownFile.Digest} {otherFile.Digest}",
                [model.Input.Identity(name, token), giver.Input.Identity(theirs, token)]));
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
            return (vocabulary, new TokenBytes(vocabulary, text), file);
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

/// <summary>Which rows of a table stay, and which are made.</summary>
/// <param name="Found">Of each row of the new table, the old one of the same token; −1: none.</param>
/// <param name="Missing">The rows that stand for tokens that the model lacks, in order.</param>
internal sealed record Transplant(int[] Found, IReadOnlyList<int> Missing)
{
    /// <summary>Old rows in their new places; rows that stand for no token are zeros.</summary>
    public RowMap Map { get; } = new(
        Found,
        Enumerable.Range(0, Found.Length).Where(row => Found[row] < 0).ToDictionary(row => row, _ => RowFill.Zero),
        new bool[Found.Length]);

    /// <summary>Rows of the new table whose tokens both models have.</summary>
    public IReadOnlyList<int> Common { get; } = [.. Enumerable.Range(0, Found.Length).Where(row => Found[row] >= 0)];
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
