using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
using MergeTasks.Merging.Diagnostics;

namespace MergeTasks.Merging.Planning;

/// <summary>Finds, for each tensor of the output, the tensor that every model contributes.</summary>
/// <param name="merge">The declaration, for messages.</param>
internal sealed class TensorMatcher(MergeDeclaration merge)
{
    private const int NamesInMessage = 5;

    // An output head and the embeddings it may be tied to; a tied checkpoint usually stores only the embeddings.
    private static readonly Dictionary<string, string[]> TiedHeads = new(StringComparer.Ordinal)
    {
        ["lm_head.weight"] = ["model.embed_tokens.weight", "transformer.wte.weight", "wte.weight", "model.decoder.embed_tokens.weight"],
        ["embed_out.weight"] = ["gpt_neox.embed_in.weight"],
        ["cls.predictions.decoder.weight"] = ["bert.embeddings.word_embeddings.weight"],
        ["lm_head.decoder.weight"] = ["roberta.embeddings.word_embeddings.weight"],
        ["vocab_projector.weight"] = ["distilbert.embeddings.word_embeddings.weight"],
    };

    // Buffers that some library versions saved although they are computed.
    private static readonly string[] BufferSuffixes = [".rotary_emb.inv_freq", ".position_ids", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"];

    /// <summary>The tensors of the output, in ordinal order: those of the donor.</summary>
    public static IReadOnlyList<string> OutputNames(ModelInput donor) => [.. donor.Names];

    /// <summary>Whether a tensor is a computed buffer, which is copied from the donor and may be missing anywhere.</summary>
    public static bool IsBuffer(string name) => Array.Exists(BufferSuffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal));

    /// <summary>The name under which a model stores an output tensor: the same, or its embeddings where the head is tied to them.</summary>
    public static string? Source(ModelInput model, string name)
    {
        if (model.Find(name) is not null)
            return name;
        return model.Config.TiesEmbeddings != false && TiedHeads.TryGetValue(name, out var embeddings)
            ? Array.Find(embeddings, embedding => model.Find(embedding) is not null)
            : null;
    }

    /// <summary>Checks that every model has every tensor of the output in the same shape, and none that the output would lose.</summary>
    /// <param name="donor">Label and input of the model that decides the output's tensors.</param>
    /// <param name="models">The models that take part.</param>
    /// <exception cref="DiagnosticException">One diagnostic per model and kind of mismatch.</exception>
    public void Check((ModelDeclaration Declaration, ModelInput Input) donor, IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> models)
    {
        var names = OutputNames(donor.Input);
        var diagnostics = new List<Diagnostic>();
        foreach (var model in models.Where(model => model.Input != donor.Input))
        {
            var missing = names.Where(name => !IsBuffer(name) && donor.Input.Find(name)!.DType.IsFloatingPoint() && Source(model.Input, name) is null).ToList();
            var extra = model.Input.Names.Where(name => !IsBuffer(name) && donor.Input.Find(name) is null && !IsRedundantHead(donor.Input, model.Input, name)).ToList();
            ReportMissing(diagnostics, missing, donor.Declaration, model.Declaration, model.Declaration);
            ReportMissing(diagnostics, extra, model.Declaration, donor.Declaration, model.Declaration);
            ReportMismatches(diagnostics, names, donor, model);
        }

        if (diagnostics.Count > 0)
            throw new DiagnosticException(diagnostics);
    }

    // A model that stores its tied head as well: the donor's tied head is rebuilt from the embeddings by every loader.
    private static bool IsRedundantHead(ModelInput donor, ModelInput model, string name) =>
        TiedHeads.ContainsKey(name) && Source(donor, name) is not null && model.Config.TiesEmbeddings == true;

    private void ReportMissing(List<Diagnostic> diagnostics, List<string> names, ModelDeclaration owner, ModelDeclaration lacking, ModelDeclaration at)
    {
        if (names.Count > 0)
        {
            diagnostics.Add(new Diagnostic(DiagnosticCode.MissingTensor,
                $"Merge '{merge.Name}': '{lacking.Label}' lacks {Listed(names)} that '{owner.Label}' has. Merged models must have the same architecture.", at.Location));
        }
    }

    private void ReportMismatches(
        List<Diagnostic> diagnostics, IReadOnlyList<string> names, (ModelDeclaration Declaration, ModelInput Input) donor, (ModelDeclaration Declaration, ModelInput Input) model)
    {
        var mismatches = names
            .Select(name => (Name: name, Donor: donor.Input.Find(name)!, Model: Source(model.Input, name) is { } source ? model.Input.Find(source)! : null))
            .Where(pair => pair.Model is not null && !IsBuffer(pair.Name) && !pair.Donor.Shape.SequenceEqual(pair.Model.Shape))
            .ToList();
        if (mismatches.Count > 0)
        {
            var shapes = mismatches.Take(NamesInMessage).Select(pair => $"'{pair.Name}' is [{string.Join(", ", pair.Donor.Shape)}] in '{donor.Declaration.Label}' and [{string.Join(", ", pair.Model!.Shape)}] in '{model.Declaration.Label}'");
            var more = mismatches.Count > NamesInMessage ? $"; {mismatches.Count - NamesInMessage} more" : "";
            diagnostics.Add(new Diagnostic(DiagnosticCode.ShapeMismatch, $"Merge '{merge.Name}': tensor {string.Join("; ", shapes)}{more}.", model.Declaration.Location));
        }

        var kinds = mismatches.Count > 0 ? [] : names
            .Where(name => !IsBuffer(name) && Source(model.Input, name) is { } source && donor.Input.Find(name)!.DType.IsFloatingPoint() && !model.Input.Find(source)!.DType.IsFloatingPoint())
            .ToList();
        if (kinds.Count > 0)
        {
            diagnostics.Add(new Diagnostic(DiagnosticCode.TensorNotMergeable,
                $"Merge '{merge.Name}': {Listed(kinds)} of '{model.Declaration.Label}' holds integers (quantised weights?) where '{donor.Declaration.Label}' has floating-point numbers.", model.Declaration.Location));
        }
    }

    private static string Listed(List<string> names) =>
        (names.Count == 1 ? "the tensor " : $"{names.Count} tensors, among them ")
        + string.Join(", ", names.Take(NamesInMessage).Select(name => $"'{name}'"));
}
