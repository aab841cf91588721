using System.Globalization;
using System.Text;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Tensors;

/// <summary>How one tensor of the output is made.</summary>
/// <param name="Output">Name, type and shape.</param>
/// <param name="Sources">What is read, in the order of the context's inputs.</param>
/// <param name="Context">The merge's resolved parameters; <see langword="null"/> where the single source is copied.</param>
/// <param name="Key">Identifies the content: method, resolved parameters, digests of what is read, numerics version.</param>
internal sealed record TensorPlan(TensorSpec Output, IReadOnlyList<TensorSource> Sources, TensorContext? Context, ContentDigest Key)
{
    /// <summary>
    /// What makes it where nothing is merged and the donor's tensor is only rounded to another type; <see langword="null"/> for the merge's
    /// method.
    /// </summary>
    public MergeMethod? KeepWith { get; init; }

    /// <summary>Whether the merge's method makes it.</summary>
    public bool IsMerged => Context is not null && KeepWith is null;

    /// <summary>What AIM and APL do to it; <see langword="null"/>: nothing.</summary>
    public TensorImportance? Importance { get; init; }

    // Raised whenever the same inputs and parameters would give other bytes than before, of all methods.
    private const int NumericsVersion = 4;

    /// <summary>Computes the key of a tensor.</summary>
    public static ContentDigest KeyOf(
        TensorSpec output,
        MergeMethod method,
        IReadOnlyList<TensorSource> sources,
        TensorContext? context,
        TensorImportance? importance,
        CancellationToken cancellation)
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture, $"tensor {NumericsVersion}\n{output.Name}\n{output.DType} {string.Join('x', output.Shape)}\n");
        if (context is null)
        {
            text.Append("copy\n");
        }
        else
        {
            text.Append(CultureInfo.InvariantCulture, $"{method.Name}\ncompatible {context.CompatibleDType}\n");
            if (method.NumericsVersion > 1)
                text.Append(CultureInfo.InvariantCulture, $"numerics {method.NumericsVersion}\n");
            if (method.Content is { } content)
                text.Append(CultureInfo.InvariantCulture, $"content {content}\n");
            if (context.Device is { } device)
                text.Append(CultureInfo.InvariantCulture, $"matrices {device.NumericsVersion}\n");
            Append(text, context.Parameters);
            if (context.KeepsNonFinite)
                text.Append("non-finite kept\n");
            if (IsRandom(method, context))
                text.Append(CultureInfo.InvariantCulture, $"seed {context.Seed} {context.DrawOffset}\n");
        }

        for (var i = 0; i < sources.Count; i++)
        {
            var source = sources[i];
            text.Append(CultureInfo.InvariantCulture, $"{source.Identity(cancellation)} {source.DType}\n");
            if (context is null || i >= context.Inputs.Count)
                continue;
            var input = context.Inputs[i];
            text.Append(input.IsBase ? "base\n" : "model\n");
            if (IsRandom(method, context))
                text.Append(CultureInfo.InvariantCulture, $"position {input.Position}\n");
            Append(text, input.Parameters);
        }

        if (importance is not null)
            text.Append(CultureInfo.InvariantCulture, $"importance base {importance.BaseSource}\n{importance.KeyText}");
        return ContentDigest.Of(text.ToString());
    }

    private static bool IsRandom(MergeMethod method, TensorContext context) =>
        context.CompatibleDType is null ? method.IsRandom : method.IsRandomInCompatibility;

    private static void Append(StringBuilder text, IReadOnlyDictionary<string, double> parameters)
    {
        foreach (var (name, value) in parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{name}={value:R}\n");
    }
}
