using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Transformers.Engine;

/// <summary>
/// A parameter's numbers in memory, in their own element type: a tensor of a mapped checkpoint or an array of fp32. A value that comes
/// from a model is valid as long as that model is not disposed.
/// </summary>
internal sealed unsafe class ParameterValue
{
    private readonly float[]? _values;
    private readonly byte* _data;
    private readonly ComputedElements? _computed;

    private ParameterValue(DType dtype, IReadOnlyList<long> shape, byte* data, float[]? values)
    {
        DType = dtype;
        Shape = shape;
        _data = data;
        _values = values;
    }

    private ParameterValue(IReadOnlyList<long> shape, ComputedElements computed)
        : this(DType.F32, shape, null, null) => _computed = computed;

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Dimensions, outermost first.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.ElementCount();

    /// <summary>Bytes of all elements.</summary>
    internal long ByteLength => ElementCount * DType.Size();

    /// <summary>Whether the numbers lie in a mapped file, from which they can be read again.</summary>
    internal bool IsMapped { get; private init; }

    /// <summary>Whether the numbers are computed when they are asked for, into memory that can be given back.</summary>
    internal bool IsComputed => _computed is not null;

    /// <summary>
    /// The first byte; the memory does not move. That of computed numbers is there from now on, until <see cref="Release"/>.
    /// </summary>
    internal byte* Data => _computed is null ? _data : _computed.Whole();

    /// <summary>A parameter from a copy of fp32 values, in row-major order.</summary>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static ParameterValue FromSingles(IReadOnlyList<long> shape, ReadOnlySpan<float> values)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.ElementCount() != values.Length)
            throw new ArgumentException($"{values.Length} values do not fill the shape [{string.Join(", ", shape)}].", nameof(values));
        // On the pinned heap an array stays where it is for as long as this object refers to it.
        var copy = GC.AllocateUninitializedArray<float>(Math.Max(1, values.Length), pinned: true);
        values.CopyTo(copy);
        fixed (float* start = copy)
            return new ParameterValue(DType.F32, shape, (byte*)start, copy);
    }

    /// <summary>
    /// A parameter whose numbers are computed when they are asked for, as fp32: some of them where a few rows are read, all of them where
    /// the whole is multiplied. Whoever made it gives its memory back with <see cref="Release"/>.
    /// </summary>
    /// <param name="shape">The dimensions.</param>
    /// <param name="readers">Begins reading on one thread.</param>
    internal static ParameterValue Computed(IReadOnlyList<long> shape, Func<ElementReader> readers) =>
        new(shape, new ComputedElements(shape.ElementCount(), readers));

    /// <summary>
    /// Gives back the memory of computed numbers, which nobody may be using; they are computed again when they are asked for.
    /// </summary>
    internal void Release() => _computed?.Release();

    /// <summary>
    /// A parameter over memory that is not copied and stays the caller's: what is written there later is the parameter's, and it must be
    /// there for as long as a model has the parameter.
    /// </summary>
    /// <param name="dtype">A floating-point element type.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="address">The first byte of the elements in row-major order, aligned to their size.</param>
    public static ParameterValue At(DType dtype, IReadOnlyList<long> shape, nint address)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfZero(address);
        return new ParameterValue(dtype, shape, (byte*)address, null);
    }

    /// <summary>A tensor where it lies in a mapped file, valid until the map is disposed.</summary>
    /// <exception cref="KeyNotFoundException">No tensor of that name.</exception>
    /// <exception cref="CheckpointException">The file cannot be mapped.</exception>
    public static ParameterValue FromMap(MappedWeights map, TensorInfo tensor)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(tensor);
        return new ParameterValue(tensor.DType, tensor.Shape, map.Find(tensor.Name), null) { IsMapped = true };
    }

    /// <summary>A parameter of which only type and shape are known, for describing a model; its elements read as zeros.</summary>
    internal static ParameterValue WithoutElements(DType dtype, IReadOnlyList<long> shape) => new(dtype, shape, null, null);

    /// <summary>Reads elements as fp32.</summary>
    /// <param name="start">First element, in row-major order.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the parameter.</exception>
    /// <exception cref="ArgumentException">The element type is not floating-point.</exception>
    public void CopyTo(long start, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, ElementCount, nameof(start));
        if (_computed is not null)
        {
            _computed.CopyTo(start, destination);
            return;
        }

        if (_data is null)
        {
            destination.Clear();
            return;
        }

        const int most = 1 << 24;
        var size = DType.Size();
        for (var done = 0; done < destination.Length; done += most)
        {
            var part = destination.Slice(done, Math.Min(most, destination.Length - done));
            ElementConversion.ToSingle(DType, new ReadOnlySpan<byte>(_data + (start + done) * size, part.Length * size), part);
        }

        GC.KeepAlive(_values);
    }
}
