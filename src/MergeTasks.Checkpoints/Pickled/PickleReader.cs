using System.Buffers.Binary;
using System.Text;

namespace MergeTasks.Checkpoints.Pickled;

/// <summary>
/// Reads a pickle (protocols 0x80 2 to 5, as <c>torch.save</c> writes them) without doing what it says: a stack of texts, numbers, lists,
/// dictionaries and descriptions of tensors is all that can come of it. It has no way to import or to call anything;
/// <see cref="TorchGlobals"/> says what the few known names stand for.
/// </summary>
/// <param name="bytes">The pickle, and perhaps more after it.</param>
internal sealed class PickleReader(ReadOnlyMemory<byte> bytes)
{
    // More than the largest checkpoints need, and little enough to be refused soon.
    private const int MostRemembered = 8_000_000;
    private const int LongestText = 1 << 20;

    private static readonly object Mark = new();

    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;
    private long _copied;

    /// <summary>Where reading goes on after the value.</summary>
    public int Position => _position;

    /// <summary>Reads one value.</summary>
    /// <exception cref="PickleException">The pickle is damaged, or wants more than a checkpoint needs.</exception>
    public object? Read()
    {
        _stack.Clear();
        _memo.Clear();
        while (true)
        {
            var code = Take(1)[0];
            if (code == '.')
                return Pop();
            Step(code);
        }
    }

    private void Step(byte code)
    {
        switch (code)
        {
            case 0x80:
                if (Take(1)[0] is < 2 or > 5)
                    throw new PickleException("has a pickle protocol that PyTorch does not write");
                break;
            case 0x95:
                Take(8);
                break;
            case (byte)'(':
                _stack.Add(Mark);
                break;
            case (byte)'0':
                Pop();
                break;
            case (byte)'1':
                PopToMark();
                break;
            case (byte)'2':
                var top = Pop();
                _stack.Add(top);
                _stack.Add(top);
                break;
            case (byte)'q' or (byte)'r' or (byte)'h' or (byte)'j' or 0x94:
                StepMemo(code);
                break;
            case (byte)'c' or 0x93 or (byte)'R' or 0x81 or (byte)'Q' or (byte)'b':
                StepGlobal(code);
                break;
            case (byte)'}' or (byte)']' or (byte)')' or (byte)'t' or (byte)'l' or (byte)'d' or 0x85 or 0x86 or 0x87
                or (byte)'a' or (byte)'e' or (byte)'s' or (byte)'u':
                StepContainer(code);
                break;
            default:
                _stack.Add(Constant(code));
                break;
        }
    }

    private object? Constant(byte code) => code switch
    {
        (byte)'N' => null,
        0x88 => true,
        0x89 => false,
        (byte)'J' => (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        (byte)'K' => (long)Take(1)[0],
        (byte)'M' => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        0x8a => Whole(Take(Take(1)[0])),
        0x8b => Whole(Take(Length(4))),
        (byte)'G' => BinaryPrimitives.ReadDoubleBigEndian(Take(8)),
        (byte)'X' or (byte)'T' => Text(Take(Length(4))),
        0x8c or (byte)'U' => Text(Take(Take(1)[0])),
        0x8d => Text(Take(Length(8))),
        _ => throw new PickleException(
            $"has the pickle instruction 0x{code:x2}, which weights do not need", isRefused: true),
    };

    private void StepMemo(byte code)
    {
        switch (code)
        {
            case (byte)'q':
                Remember(Take(1)[0]);
                break;
            case (byte)'r':
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            case 0x94:
                Remember((uint)_memo.Count);
                break;
            default:
                var key = code == 'h' ? Take(1)[0] : BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                _stack.Add(_memo.TryGetValue(key, out var value) ? value : throw new PickleException("recalls what it never remembered"));
                break;
        }
    }

    private void Remember(uint key)
    {
        if (_memo.Count >= MostRemembered)
            throw new PickleException($"remembers more than {MostRemembered} values");
        _memo[key] = Peek();
    }

    private void StepGlobal(byte code)
    {
        switch (code)
        {
            case (byte)'c':
                var module = Line();
                _stack.Add(TorchGlobals.Find($"{module}.{Line()}"));
                break;
            case 0x93:
                var (name, inside) = (Pop(), Pop());
                _stack.Add(name is string second && inside is string first
                    ? TorchGlobals.Find($"{first}.{second}") : throw new PickleException("names no code by texts"));
                break;
            case (byte)'Q':
                _stack.Add(TorchGlobals.Storage(Pop()));
                break;
            case (byte)'b':
                // Attributes of a dictionary (PyTorch notes versions of modules so) say nothing of the weights.
                Pop();
                if (Peek() is not PickledDictionary)
                    throw new PickleException("would set an object's state, which weights do not need", isRefused: true);
                break;
            default:
                var (arguments, called) = (Pop(), Pop());

                // A dictionary of a list's pairs is a copy; a list that is remembered may be copied as often as the pickle likes.
                if (arguments is object?[] and [List<object?> pairs] && (_copied += pairs.Count) > bytes.Length)
                    throw new PickleException("copies the same values again and again");
                _stack.Add(called is PickledGlobal global && arguments is object?[] list
                    ? TorchGlobals.Call(global, list)
                    : throw new PickleException("would call something that is no function of PyTorch's", isRefused: true));
                break;
        }
    }

    private void StepContainer(byte code)
    {
        switch (code)
        {
            case (byte)'}':
                _stack.Add(new PickledDictionary());
                break;
            case (byte)']':
                _stack.Add(new List<object?>());
                break;
            case (byte)')':
                _stack.Add(Array.Empty<object?>());
                break;
            case (byte)'t':
                _stack.Add(PopToMark());
                break;
            case (byte)'l':
                _stack.Add(PopToMark().ToList());
                break;
            case (byte)'d':
                var dictionary = new PickledDictionary();
                AddPairs(dictionary, PopToMark());
                _stack.Add(dictionary);
                break;
            case 0x85 or 0x86 or 0x87:
                var tuple = new object?[code - 0x84];
                for (var i = tuple.Length - 1; i >= 0; i--)
                    tuple[i] = Pop();
                _stack.Add(tuple);
                break;
            case (byte)'a':
                var item = Pop();
                Top<List<object?>>().Add(item);
                break;
            case (byte)'e':
                var items = PopToMark();
                Top<List<object?>>().AddRange(items);
                break;
            case (byte)'s':
                var (value, key) = (Pop(), Pop());
                Top<PickledDictionary>().Pairs.Add((key, value));
                break;
            default:
                var pairs = PopToMark();
                AddPairs(Top<PickledDictionary>(), pairs);
                break;
        }
    }

    private static void AddPairs(PickledDictionary dictionary, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
            throw new PickleException("has a key without a value");
        for (var i = 0; i < pairs.Length; i += 2)
            dictionary.Pairs.Add((pairs[i], pairs[i + 1]));
    }

    private T Top<T>()
        where T : class => Peek() as T ?? throw new PickleException("adds to something that is no list or dictionary");

    private object? Peek() => _stack.Count > 0 && !ReferenceEquals(_stack[^1], Mark) ? _stack[^1] : throw Empty();

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopToMark()
    {
        var mark = _stack.FindLastIndex(value => ReferenceEquals(value, Mark));
        if (mark < 0)
            throw Empty();
        var values = _stack[(mark + 1)..];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return [.. values];
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - _position)
            throw new PickleException("ends in the middle of its pickle; it looks truncated");
        var taken = bytes.Span.Slice(_position, count);
        _position += count;
        return taken;
    }

    private int Length(int size)
    {
        var field = Take(size);
        var length = size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(field) : BinaryPrimitives.ReadUInt64LittleEndian(field);
        return length <= LongestText ? (int)length : throw new PickleException($"has a text of {length} bytes");
    }

#pragma warning disable CA1859 // It returns a boxed long too.
    private static object Whole(ReadOnlySpan<byte> number)
#pragma warning restore CA1859
    {
        // The file's magic number is the only long one.
        if (number.Length > 10)
            throw new PickleException("has a number of more than 80 bits");
        var value = new System.Numerics.BigInteger(number);
        if (value < long.MinValue || value > long.MaxValue)
            return value;
        return (long)value;
    }

    private static string Text(ReadOnlySpan<byte> text)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(text);
        }
        catch (DecoderFallbackException)
        {
            throw new PickleException("has a text that is no UTF-8");
        }
    }

    private string Line()
    {
        var length = bytes.Span[_position..].IndexOf((byte)'\n');
        if (length is < 0 or > 1000)
            throw new PickleException("names code by no name");
        var line = Text(Take(length));
        Take(1);
        return line;
    }

    private static PickleException Empty() => new("takes values that are not there");
}
