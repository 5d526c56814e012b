// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {Base} from "./Base.sol";

/// What a wallet shows and signs for each document, hashed by forge's own EIP-712 from plain JSON, is what the contract
/// verifies.
contract DocumentsTest is Base {
    string private constant DOMAIN_TYPE = '"EIP712Domain":[{"name":"name","type":"string"},'
        '{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},'
        '{"name":"verifyingContract","type":"address"}]';
    string private constant LEG_TYPE =
        ',"Leg":[{"name":"account","type":"address"},{"name":"amount","type":"uint256"}]';

    address private constant FROM = address(0x1111111111111111111111111111111111111111);
    address private constant TO = address(0x2222222222222222222222222222222222222222);

    /// `types` beside the domain's, the primary type's name, and the message, all as JSON.
    function _walletHash(string memory types, string memory primary, string memory message)
        private
        view
        returns (bytes32)
    {
        string memory domain = string.concat(
            '{"name":"Cash EUR","version":"1","chainId":',
            vm.toString(block.chainid),
            ',"verifyingContract":"',
            vm.toString(address(cash)),
            '"}'
        );
        return vm.eip712HashTypedData(
            string.concat(
                '{"types":{',
                DOMAIN_TYPE,
                types,
                '},"primaryType":"',
                primary,
                '","domain":',
                domain,
                ',"message":{',
                message,
                "}}"
            )
        );
    }

    function _type(string memory name, string memory fields) private pure returns (string memory) {
        return string.concat(',"', name, '":[', fields, "]");
    }

    function _is(string memory kind, string memory name) private pure returns (string memory) {
        return string.concat('{"name":"', name, '","type":"', kind, '"}');
    }

    function _and(string memory kind, string memory name) private pure returns (string memory) {
        return string.concat(",", _is(kind, name));
    }

    function _text(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '":"', value, '",');
    }

    function _last(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '":"', value, '"');
    }

    // ------------------------------------------------------------------------------------------------ our own

    function test_aPaymentIsHashedAsWalletsDo() public view {
        string memory types = _type(
            "Payment",
            string.concat(
                _is("address", "from"),
                _and("address", "to"),
                _and("uint256", "value"),
                _and("bytes32", "paymentRef"),
                _and("uint256", "nonce"),
                _and("uint256", "validBefore")
            )
        );
        bytes32 ref = keccak256("lunch");
        string memory message = string.concat(
            _text("from", vm.toString(FROM)),
            _text("to", vm.toString(TO)),
            _text("value", "12345678"),
            _text("paymentRef", vm.toString(ref)),
            _text("nonce", "42"),
            _last("validBefore", "1800000000")
        );
        bytes32 ours = digestOf(Documents.payment(FROM, TO, 12_345_678, ref, 42, 1_800_000_000));
        assertEq(_walletHash(types, "Payment", message), ours, "Payment");
    }

    function test_aConsentIsHashedAsWalletsDo() public view {
        (Leg[] memory debits, Leg[] memory credits) = (new Leg[](2), new Leg[](1));
        (debits[0], debits[1], credits[0]) = (Leg(FROM, 10), Leg(TO, 20), Leg(address(cash), 30));
        bytes32 context = keccak256("root");
        bytes32 hash = settlementHash(debits, credits, context, TO, 1_800_000_000);
        string memory settlement = string.concat(
            '"settlement":{"debits":[',
            string.concat(_leg(FROM, "10"), ",", _leg(TO, "20")),
            '],"credits":[',
            _leg(address(cash), "30"),
            "],",
            _text("context", vm.toString(context)),
            _text("operator", vm.toString(TO)),
            _last("validBefore", "1800000000"),
            "},"
        );
        string memory message = string.concat(_text("debtor", vm.toString(TO)), settlement, _last("nonce", "7"));
        assertEq(_walletHash(_consentTypes(), "Consent", message), digestOf(Documents.consent(TO, hash, 7)), "Consent");
    }

    function _consentTypes() private pure returns (string memory) {
        string memory settlement = string.concat(
            _is("Leg[]", "debits"),
            _and("Leg[]", "credits"),
            _and("bytes32", "context"),
            _and("address", "operator"),
            _and("uint256", "validBefore")
        );
        return string.concat(
            LEG_TYPE,
            _type("Settlement", settlement),
            _type(
                "Consent",
                string.concat(_is("address", "debtor"), _and("Settlement", "settlement"), _and("uint256", "nonce"))
            )
        );
    }

    function _leg(address account, string memory amount) private pure returns (string memory) {
        return string.concat("{", _text("account", vm.toString(account)), _last("amount", amount), "}");
    }

    function test_aCancelOfNoncesIsHashedAsWalletsDo() public view {
        string memory types = _type(
            "CancelNonces",
            string.concat(_is("address", "account"), _and("uint256", "upTo"), _and("uint256", "validBefore"))
        );
        string memory message =
            string.concat(_text("account", vm.toString(FROM)), _text("upTo", "9"), _last("validBefore", "1800000000"));
        bytes32 ours = digestOf(Documents.cancelNonces(FROM, 9, 1_800_000_000));
        assertEq(_walletHash(types, "CancelNonces", message), ours, "CancelNonces");
    }

    // ------------------------------------------------------------------------------------------------ the standards'

    function test_authorizationsAreHashedAsWalletsDo() public view {
        string[2] memory names = ["TransferWithAuthorization", "ReceiveWithAuthorization"];
        bytes32[2] memory typeHashes =
            [cash.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), cash.RECEIVE_WITH_AUTHORIZATION_TYPEHASH()];
        string memory fields = string.concat(
            _is("address", "from"),
            _and("address", "to"),
            _and("uint256", "value"),
            _and("uint256", "validAfter"),
            _and("uint256", "validBefore"),
            _and("bytes32", "nonce")
        );
        bytes32 nonce = keccak256("nonce");
        string memory message = string.concat(
            _text("from", vm.toString(FROM)),
            _text("to", vm.toString(TO)),
            _text("value", "5"),
            _text("validAfter", "6"),
            _text("validBefore", "7"),
            _last("nonce", vm.toString(nonce))
        );
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 ours = digestOf(Documents.authorization(typeHashes[i], FROM, TO, 5, 6, 7, nonce));
            assertEq(_walletHash(_type(names[i], fields), names[i], message), ours, names[i]);
        }
    }

    function test_aCancelOfAnAuthorizationIsHashedAsWalletsDo() public view {
        string memory types =
            _type("CancelAuthorization", string.concat(_is("address", "authorizer"), _and("bytes32", "nonce")));
        bytes32 nonce = keccak256("nonce");
        string memory message =
            string.concat(_text("authorizer", vm.toString(FROM)), _last("nonce", vm.toString(nonce)));
        bytes32 ours = digestOf(Documents.cancelAuthorization(FROM, nonce));
        assertEq(_walletHash(types, "CancelAuthorization", message), ours, "CancelAuthorization");
    }

    function test_aPermitIsHashedAsWalletsDo() public view {
        string memory types = _type(
            "Permit",
            string.concat(
                _is("address", "owner"),
                _and("address", "spender"),
                _and("uint256", "value"),
                _and("uint256", "nonce"),
                _and("uint256", "deadline")
            )
        );
        string memory message = string.concat(
            _text("owner", vm.toString(FROM)),
            _text("spender", vm.toString(TO)),
            _text("value", "5"),
            _text("nonce", "6"),
            _last("deadline", "7")
        );
        bytes32 ours = digestOf(Documents.permit(FROM, TO, 5, 6, 7));
        assertEq(_walletHash(types, "Permit", message), ours, "Permit");
    }

    /// The published hashes of ERC-3009 and ERC-2612.
    function test_theTypeHashesAreTheStandards() public view {
        assertEq(
            cash.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
            0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267,
            "transfer"
        );
        assertEq(
            cash.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
            0xd099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8,
            "receive"
        );
        assertEq(
            cash.CANCEL_AUTHORIZATION_TYPEHASH(),
            0x158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429,
            "cancel"
        );
        assertEq(cash.PERMIT_TYPEHASH(), 0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9, "permit");
    }
}
