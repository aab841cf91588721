using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>
/// Makes other files of a JSON text: values of other kinds and extremes, keys that come twice, are missing or are another's, deep nesting,
/// text that is none, and now and then bytes that are changed, cut off or put in.
/// </summary>
internal static class JsonMutation
{
    // Large values take most of the time, so they are few.
    private const int LargeOneIn = 60;

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "0.5", "1e999", "-1e999", "1e-999", "2147483647", "2147483648", "-2147483649",
        "9223372036854775807", "9223372036854775808", "18446744073709551616", "123456789012345678901234567890", "-0", "1e9", "65536",
        "\"\"", "\"x\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\u0000\"", "\"../x\"", "\"a/b\"", "\"C:\\\\x\"", "\"NaN\"", "\"Infinity\"",
        "\"\\r\\n\"", "\"\\u202e\"", "\"1\"", "\"-1\"", "[]", "{}", "[[]]", "[{}]", "{\"\":{}}", "[null]", "[0]", "[-1]", "[\"x\"]",
        "\"((((\"", "\"[\"", "\"(a+)+$\"", "\"(?=a)\"", "\"\\\\p{L}\"", "\"a{1000,2000}\"", "\"(a{50}){50}\"", "\"default\"", "NaN", "-",
        "1e", "tru", "\"\\x\"",
    ];

    private static readonly ConcurrentDictionary<byte[], Node> Parsed = new();

    /// <summary>Another text: mostly one change of its structure, sometimes several, sometimes one of its bytes.</summary>
    public static byte[] Of(byte[] text, Random random)
    {
        var root = Parsed.GetOrAdd(text, static bytes =>
        {
            using var document = JsonDocument.Parse(bytes);
            return Node.Of(document.RootElement);
        }).Copy();
        for (var changes = random.Next(5) == 0 ? random.Next(1, 6) : 1; changes > 0; changes--)
            Change(root, random);
        var made = new StringBuilder(text.Length + 100);
        root.Write(made);
        var bytes = Encoding.UTF8.GetBytes(made.ToString());
        return random.Next(4) == 0 ? ByteMutation.Once(bytes, random) : bytes;
    }

    private static void Change(Node root, Random random)
    {
        var nodes = new List<Node>();
        root.AddTo(nodes);
        var node = nodes[random.Next(nodes.Count)];
        switch (random.Next(9))
        {
            case 0 or 1 or 2:
                node.Become(Values[random.Next(Values.Length)]);
                break;
            case 3 when node.Members.Count > 0:
                node.Members.RemoveAt(random.Next(node.Members.Count));
                break;
            case 4 when node.Members.Count > 0:
                node.Members.Insert(random.Next(node.Members.Count + 1), node.Members[random.Next(node.Members.Count)]);
                break;
            case 5 when node.Members.Count > 0:
                var at = random.Next(node.Members.Count);
                node.Members[at] = (random.Next(4) switch
                {
                    0 => "\"\\ud800\"",
                    1 => "\"\"",
                    2 => "\"x\"",
                    _ => OtherKey(nodes, random),
                }, node.Members[at].Value);
                break;
            case 6:
                var text = node.ToString();
                node.Become(random.Next(2) == 0 ? $"[{text}]" : $"{{\"a\":{text}}}");
                break;
            case 7 when random.Next(4) == 0:
                node.Become(new string('[', 70) + node + new string(']', 70));
                break;
            case 8 when random.Next(LargeOneIn / 9) == 0:
                node.Become(random.Next(2) == 0
                    ? "\"" + new string('x', 20_000) + "\""
                    : "[" + string.Join(',', Enumerable.Repeat("1", 5_000)) + "]");
                break;
            default:
                node.Become(nodes[random.Next(nodes.Count)].ToString());
                break;
        }
    }

    private static string OtherKey(List<Node> nodes, Random random)
    {
        var other = nodes[random.Next(nodes.Count)];
        return other.Members.Count > 0 && other.Members[random.Next(other.Members.Count)].Key is { Length: > 0 } key ? key : "\"x\"";
    }

    private sealed class Node
    {
        private string _text = "";
        private char _kind = 'v';

        /// <summary>Members, or items without a key.</summary>
        public List<(string Key, Node Value)> Members { get; private init; } = [];

        public static Node Of(JsonElement json) => json.ValueKind switch
        {
            JsonValueKind.Object => new Node
            {
                _kind = '{',
                Members = [.. json.EnumerateObject().Select(member => (JsonSerializer.Serialize(member.Name), Of(member.Value)))],
            },
            JsonValueKind.Array => new Node { _kind = '[', Members = [.. json.EnumerateArray().Select(item => ("", Of(item)))] },
            _ => new Node { _text = json.GetRawText() },
        };

        public Node Copy() => new()
        {
            _text = _text,
            _kind = _kind,
            Members = Members.ConvertAll(member => (member.Key, member.Value.Copy())),
        };

        public void AddTo(List<Node> nodes)
        {
            nodes.Add(this);
            foreach (var (_, value) in Members)
                value.AddTo(nodes);
        }

        public void Become(string text)
        {
            (_kind, _text) = ('v', text);
            Members.Clear();
        }

        public override string ToString()
        {
            var text = new StringBuilder();
            Write(text);
            return text.ToString();
        }

        public void Write(StringBuilder text)
        {
            if (_kind == 'v')
            {
                text.Append(_text);
                return;
            }

            text.Append(_kind);
            for (var i = 0; i < Members.Count; i++)
            {
                if (i > 0)
                    text.Append(',');
                if (_kind == '{')
                    text.Append(Members[i].Key.Length == 0 ? "\"\"" : Members[i].Key).Append(':');
                Members[i].Value.Write(text);
            }

            text.Append(_kind == '{' ? '}' : ']');
        }
    }
}
