using MergeTasks.Files;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Loading;

/// <summary>
/// A method of somebody else's: what it declares is read once, and whatever it throws becomes a <see cref="ForeignMethodException"/>.
/// </summary>
internal sealed class ForeignMethod : MergeMethod
{
    private readonly MergeMethod _method;

    /// <param name="method">The method.</param>
    /// <param name="path">Full path of its assembly.</param>
    /// <param name="files">Full paths of the assembly and of what it refers to beside itself.</param>
    /// <param name="content">A digest of these files; part of every tensor's key.</param>
    public ForeignMethod(MergeMethod method, string path, IReadOnlyList<string> files, string content)
    {
        (_method, Path, Files, Content) = (method, path, files, content);
        (Name, Summary, Source) = (method.Name, method.Summary, method.Source);
        Parameters = [.. method.Parameters];
        (Base, BaseIsParticipant, MinModels, MaxModels) = (method.Base, method.BaseIsParticipant, method.MinModels, method.MaxModels);
        (NumericsVersion, IsRandom) = (method.NumericsVersion, method.IsRandom);
    }

    /// <summary>Full path of its assembly.</summary>
    public string Path { get; }

    /// <summary>Full paths of the files that decide what it computes.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <inheritdoc/>
    internal override string Content { get; }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override string Source { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; }

    /// <inheritdoc/>
    public override int NumericsVersion { get; }

    /// <inheritdoc/>
    public override BaseUse Base { get; }

    /// <inheritdoc/>
    public override bool BaseIsParticipant { get; }

    /// <inheritdoc/>
    public override int MinModels { get; }

    /// <inheritdoc/>
    public override int MaxModels { get; }

    /// <inheritdoc/>
    public override bool IsRandom { get; }

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => Guarded(() => _method.Conflict(context));

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) =>
        new Merging(this, Guarded(() => _method.Begin(context)), context.Inputs.Count);

    private T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
        {
            throw new ForeignMethodException(Name, Path, e);
        }
    }

    private sealed class Merging(ForeignMethod method, TensorMerge merge, int inputs) : TensorMerge
    {
        public override bool IsSequential { get; } = merge.IsSequential;

        public override int Stride =>
            method.Guarded(() =>
                merge.Stride is > 0 and var stride
                    ? stride
                    : throw new InvalidOperationException($"Stride is {merge.Stride}; it must be at least 1"));

        public override int? CopyOf { get; } = method.Guarded(() => merge.CopyOf is not { } input || (input >= 0 && input < inputs)
            ? merge.CopyOf : throw new InvalidOperationException($"CopyOf is {input}; there are {inputs} inputs"));

        public override int BeginPass(int pass) => method.Guarded(() => merge.BeginPass(pass));

        public override void Analyze(int pass, MergeBlock block, Span<double> partials)
        {
            try
            {
                merge.Analyze(pass, block, partials);
            }
            catch (Exception e) when (IsOfMethod(e))
            {
                throw new ForeignMethodException(method.Name, method.Path, e);
            }
        }

        public override void EndPass(int pass, double[] partials) => method.Guarded(() =>
        {
            merge.EndPass(pass, partials);
            return true;
        });

        public override void Merge(MergeBlock block)
        {
            try
            {
                merge.Merge(block);
            }
            catch (Exception e) when (IsOfMethod(e))
            {
                throw new ForeignMethodException(method.Name, method.Path, e);
            }
        }

        // Loading a block may find that an input is damaged or holds NaN, which is not the method's fault.
        private static bool IsOfMethod(Exception e) =>
            e is not (OperationCanceledException or OutOfMemoryException)
                && e.GetType().Assembly.GetName().Name?.StartsWith("MergeTasks.", StringComparison.Ordinal) != true
            && !FileFault.Covers(e);
    }
}
