using System.IO.MemoryMappedFiles;
using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
using MergeTasks.Transformers;

namespace MergeTasks.Merging.Importance;

/// <summary>The gradient of a task's metric, one fp32 tensor per parameter: as large as the model, so kept in a file and never in memory.</summary>
public sealed record GradientRequest : ScoreRequest
{
    private readonly TaskRun _run;

    internal GradientRequest(ScoreKey key, ModelDeclaration declaration, TaskRun run)
        : base(key, declaration, run.Data) => _run = run;

    /// <inheritdoc/>
    public override string Phase => "task gradient";

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var tensors = loaded.Model.Parameters.Select(parameter => new TensorSpec(parameter.Key, DType.F32, parameter.Value.Shape));
        var layout = ShardLayout.OneFile(Path.GetFileName(path), tensors, Key.Metadata);
        context.Progress.Scoring(this, metric.Tokens,
            $"one forward and backward pass over {metric.Tokens} tokens; the gradient takes {ByteSize.Format(layout.Length)} in the cache");
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, preallocationSize: layout.Length))
        {
            RandomAccess.SetLength(file, layout.Length);
            RandomAccess.Write(file, layout.Header, 0);
        }

        using var sums = new MappedSums(path, layout);
        metric.Backward(loaded.Model, sums, context);
    }

    /// <summary>Adds gradients to the numbers in a mapped file.</summary>
    private sealed unsafe class MappedSums : IGradientReceiver, IDisposable
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _view;
        private readonly byte* _start;
        private readonly Dictionary<string, TensorInfo> _tensors;

        public MappedSums(string path, Shard layout)
        {
            _tensors = layout.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open);
            _view = _file.CreateViewAccessor();
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }

        public void Receive(in GradientPiece piece)
        {
            var tensor = _tensors[piece.Parameter];
            var rowLength = tensor.Shape.Skip(1).Aggregate(1L, (product, dimension) => product * dimension);
            var sums = new Span<float>((float*)(_start + tensor.Offset) + (piece.FirstRow * rowLength), piece.Values.Length);
            System.Numerics.Tensors.TensorPrimitives.Add(sums, piece.Values, sums);
        }

        public void Dispose()
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }
}
