using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// What is known of models before any of them is run: whether and how they can be, and what keys of scores are made of. Everything that
/// measures models asks here: AIM, APL, the statistics of methods, evaluation.
/// </summary>
/// <param name="who">Who measures, for messages.</param>
/// <param name="hasher">Digests data files; <see langword="null"/> where keys do not matter.</param>
/// <param name="engine">The numerics version of the engine that runs models.</param>
/// <param name="cancellation">Ends digesting.</param>
internal sealed class Measurable(string who, FileHasher? hasher, string engine, CancellationToken cancellation)
{
    private const string TokenizerFile = "tokenizer.json";

    /// <summary>What a model computes.</summary>
    /// <exception cref="DiagnosticException">No engine can run it.</exception>
    public ModelDescription Describe(OpenModel model)
    {
        var input = model.Input;
        try
        {
            return CpuEngine.Describe(input.Config.Text, input.Folder, input.Names.Select(name => input.Find(name)!));
        }
        catch (ModelException e)
        {
            throw Fault(
                DiagnosticCode.NotScorable,
                $"'{model.Declaration.Label}' cannot be run, so it cannot be scored: {e.Message}",
                model.Declaration.Location);
        }
    }

    /// <summary>The tokenizer of the first of some models that has one.</summary>
    /// <exception cref="DiagnosticException">None has; it is the last that lacks it.</exception>
    public TokenizerFile Tokenizer(params IReadOnlyList<OpenModel> models)
    {
        foreach (var model in models)
        {
            if (model.Input.SideFiles(cancellation).FirstOrDefault(file => file.Name == TokenizerFile) is { } file)
                return new TokenizerFile(file, model.Input.Folder);
        }

        var refused = models.FirstOrDefault(model => model.Input.TokenizerRefusal is not null) ?? models[^1];
        throw Fault(
            DiagnosticCode.NotScorable,
            refused.Input.TokenizerRefusal is { } refusal
                ? $"the tokenizer of '{refused.Declaration.Label}', which scoring needs, is not read: it {refusal}. Take a model with a "
                    + $"{TokenizerFile} as the base."
                : $"'{refused.Declaration.Label}' has no {TokenizerFile}, which scoring needs.",
            refused.Declaration.Location);
    }

    /// <summary>The digest of texts or samples; empty where keys do not matter.</summary>
    /// <exception cref="DiagnosticException">They cannot be read.</exception>
    public string DigestOf(DataFile data)
    {
        try
        {
            return hasher?.DigestWhole(data.Path, cancellation).ToString() ?? "";
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw Fault(DiagnosticCode.BadScoringData, FileFault.Of(e, data.Label, FileAct.Read).Message, data.Location);
        }
    }

    /// <summary>The digest of a model's weights.</summary>
    public string WeightsOf(ModelInput input) =>
        ContentDigest.Of(string.Concat(input.Names.Select(name => $"{input.Identity(name, cancellation)} {name}\n"))).ToString();

    /// <summary>The key of a score of one model that reads texts.</summary>
    /// <param name="kind">What is computed.</param>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">What it reads them with.</param>
    /// <param name="ingredients">The texts, and what else the score depends on.</param>
    public ScoreKey Key(
        string kind, RunnableModel model, TokenizerFile tokenizer, params IReadOnlyList<KeyValuePair<string, string>> ingredients) =>
        Key(kind, model, Reading(tokenizer, ingredients));

    /// <summary>The key of a score of one model that depends on these ingredients besides.</summary>
    public ScoreKey Key(string kind, RunnableModel model, IEnumerable<KeyValuePair<string, string>> ingredients) =>
        new(kind, [.. model.Identity(cancellation), .. ingredients]);

    /// <summary>The ingredients of whatever reads texts with a tokenizer and runs models on them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Reading(
        TokenizerFile tokenizer, params IReadOnlyList<KeyValuePair<string, string>> ingredients) =>
        [new("tokenizer", tokenizer.Digest.ToString()), .. ingredients, new("engine", engine)];

    /// <summary>A mistake of who measures.</summary>
    public DiagnosticException Fault(DiagnosticCode code, string message, SourceLocation? location) =>
        new(new Diagnostic(code, $"{who}: {message}", location));
}

/// <summary>A model's tokenizer: in a file, or made with the vocabulary of an output that need not exist yet.</summary>
/// <param name="file">The file.</param>
/// <param name="folder">The folder of the model.</param>
internal sealed class TokenizerFile(SideFile file, string folder)
{
    private readonly Lazy<Tokenizer> _tokenizer = new(() =>
        file.Content is { } content ? Tokenizer.Parse(content, file.Name) : Tokenizer.Load(file.PathIn(folder)));

    /// <summary>Digest of its content.</summary>
    public ContentDigest Digest => file.Digest;

    /// <summary>Reads it, once.</summary>
    public Tokenizer Load() => _tokenizer.Value;
}
