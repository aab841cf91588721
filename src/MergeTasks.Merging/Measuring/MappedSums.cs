using System.IO.MemoryMappedFiles;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Measuring;

/// <summary>A new safetensors file of fp32 zeros, mapped into memory to add to: for sums as large as a model.</summary>
internal sealed unsafe class MappedSums : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly Dictionary<string, TensorInfo> _tensors;

    /// <summary>Creates the file.</summary>
    public MappedSums(string path, Shard layout)
    {
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, preallocationSize: layout.Length))
        {
            RandomAccess.SetLength(file, layout.Length);
            RandomAccess.Write(file, layout.Header, 0);
        }

        _tensors = layout.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Elements of a tensor from the beginning of a row on.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="row">Index of the first dimension.</param>
    /// <param name="length">Number of elements.</param>
    public Span<float> Rows(string name, long row, int length)
    {
        var tensor = _tensors[name];
        var rowLength = tensor.Shape.RowLength();
        return new Span<float>((float*)(_start + tensor.Offset) + (row * rowLength), length);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
